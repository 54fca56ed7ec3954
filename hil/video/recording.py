"""One MP4 that is whole at any moment: it is written in fragments, so that a process that dies leaves what it has."""

import contextlib
import logging
import queue
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from hil.errors import UsageError
from hil.video.fit import fit
from hil.video.library import pyav, words

log = logging.getLogger(__name__)
TICKS_PER_S = 30_000  # MPEG-4 part 2 takes no more than 65535
CODECS = {  # in the order of choice, with their settings
    "libx264": {"preset": "veryfast", "crf": "18", "tune": "zerolatency"},
    "mpeg4": {"qmin": "2", "qmax": "4"},
}
FRAGMENT_PICTURES = 10  # a picture that can be decoded by itself so often, with which a fragment begins
WAITING = 32
NOMINAL_FPS = 10


class Recording:
    """Encodes in a thread of its own. Raises UsageError without PyAV or where the file cannot be made."""

    def __init__(self, path: Path) -> None:
        av = pyav()
        self.path = path
        name = next((name for name in CODECS if name in av.codecs_available), None)
        if name is None:
            raise UsageError(f"this PyAV can write neither {' nor '.join(CODECS)}.")
        self._codec = name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
            self._container: Any = av.open(str(path), "w", format="mp4", options=options)
        except (OSError, av.FFmpegError) as error:
            raise UsageError(f"{path} cannot be written: {words(error)}.") from None
        self._stream: Any = None
        self._first_s: float | None = None
        self._last_tick = -1
        self._pictures: queue.Queue[tuple[float, np.ndarray, np.ndarray | None] | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name=f"record-{path.stem}", daemon=True)
        self._thread.start()

    def write(self, at_s: float, received: np.ndarray, sent: np.ndarray | None = None) -> None:
        """Show uint8 [H, W, 3] from at_s on, the sent one left of it where given; waits for a slow encoder."""
        item = (at_s, received, sent)
        while self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._pictures.put(item, timeout=0.5)
                return

    def close(self) -> None:
        """Write what waits; may be called twice."""
        while self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._pictures.put(None, timeout=0.5)
                break
        self._thread.join(timeout=30)

    def _run(self) -> None:
        try:
            while (item := self._pictures.get()) is not None:
                self._encode(*item)
            if self._stream is not None:
                self._container.mux(self._stream.encode(None))
        except Exception as error:  # the run's figures are worth more than its film
            log.warning("%s is recorded no further: %s", self.path, words(error))
        finally:
            with contextlib.suppress(Exception):
                self._container.close()

    def _encode(self, at_s: float, received: np.ndarray, sent: np.ndarray | None) -> None:
        pixels = received if sent is None else np.concatenate([sent, received], axis=1)
        pixels = np.pad(pixels, [(0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0)], mode="edge")
        if self._stream is None:
            self._stream, self._first_s = self._opened(*pixels.shape[:2]), at_s
        width, height = self._stream.width, self._stream.height
        frame = pyav().VideoFrame.from_ndarray(fit(pixels, width, height, "pad"), format="rgb24")
        tick = max(self._last_tick + 1, round((at_s - (self._first_s or 0.0)) * TICKS_PER_S))
        frame.pts, frame.time_base, self._last_tick = tick, Fraction(1, TICKS_PER_S), tick
        self._container.mux(self._stream.encode(frame))

    def _opened(self, height: int, width: int) -> Any:
        stream = self._container.add_stream(self._codec, rate=NOMINAL_FPS, options=dict(CODECS[self._codec]))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS_PER_S)
        stream.codec_context.gop_size = FRAGMENT_PICTURES
        stream.codec_context.thread_count = 1
        return stream
