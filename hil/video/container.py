"""Pictures out of whatever FFmpeg reads: files, pipes, cameras (V4L2), raw frames."""

import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image

from hil.errors import UsageError
from hil.video.library import pyav, words
from hil.video.shot import Shot, SourceBroken
from models.images.files import MAX_PIXELS
from models.images.pixels import to_rgb

MAX_DAMAGED = 100  # packets in a row that no decoder takes: what follows is no video any more
MAX_AGE_S = 1.0  # of a camera's own time stamp; an older one is of another clock


class Container:
    """A video that FFmpeg reads. Raises UsageError for what is none, at once.

    form: FFmpeg's name of the format where it cannot be told from the content. options: of that format.
    rate_fps: of a stream that does not say when its pictures are shown.
    """

    def __init__(
        self,
        address: str,
        name: str,
        kind: str,
        form: str | None = None,
        options: dict[str, str] | None = None,
        rate_fps: float | None = None,
    ) -> None:
        av = pyav()
        self.name, self.kind = name, kind
        try:
            self._container: Any = av.open(address, format=form, options=options or {})
        except (av.FFmpegError, OSError, ValueError) as error:
            raise UsageError(_why_not(address, name, kind, error)) from None
        try:
            self._stream = self._video()
        except BaseException:
            self._container.close()
            raise
        own = self._stream.average_rate or self._stream.guessed_rate
        self._step_s = 1.0 / float(rate_fps or own or 25)

    def expected_pictures(self) -> float | None:
        """About how many pictures there are; None where nobody knows."""
        stream = self._stream
        if stream.frames:
            return float(stream.frames)
        if self._container.duration and self._container.duration > 0:
            return float(self._container.duration) / pyav().time_base / self._step_s
        return None

    def shots(self) -> Iterator[Shot]:
        """Every picture that can be decoded; those of damaged packets are left out."""
        av = pyav()
        first_s: float | None = None
        last_s = -self._step_s
        number = damaged = 0
        packets = iter(self._container.demux(self._stream))
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.EOFError):
                return
            except (av.FFmpegError, OSError) as error:
                raise SourceBroken(words(error)) from None
            arrived_s = time.monotonic()
            try:
                frames = packet.decode()
                damaged = 0
            except av.EOFError:
                return
            except (av.FFmpegError, ValueError) as error:
                damaged += 1
                if damaged > MAX_DAMAGED:
                    raise SourceBroken(words(error)) from None
                continue
            for frame in frames:
                shown_s = frame.time
                if shown_s is None or (first_s is not None and shown_s - first_s <= last_s):
                    position_s = last_s + self._step_s  # no time, or one that goes back
                else:
                    first_s = shown_s if first_s is None else first_s
                    position_s = shown_s - first_s
                taken_s = self._taken_s(shown_s, arrived_s)
                yield Shot(upright(frame), _aspect(frame, self._stream), position_s, taken_s, number)
                last_s, number = position_s, number + 1

    def close(self) -> None:
        self._container.close()

    def _video(self) -> Any:
        streams = [one for one in self._container.streams.video if not _is_cover(one)]
        if not streams:
            kinds = sorted({one.type for one in self._container.streams} - {"video"})
            held = f"only {' and '.join(kinds)}" if kinds else "nothing that is shown"
            raise UsageError(f"{self.name} holds no video, {held}.")
        stream = streams[0]
        if stream.codec_context is None:
            raise UsageError(f"{self.name} is coded in a way that this PyAV has no decoder for.")
        if stream.width * stream.height > MAX_PIXELS:
            raise UsageError(f"{self.name} has {stream.width}x{stream.height} pixels, more than {MAX_PIXELS}.")
        stream.thread_type = "SLICE"  # decoding several frames at a time would hold each back
        return stream

    def _taken_s(self, shown_s: float | None, arrived_s: float) -> float:
        """A camera's driver stamps a picture when it is taken, on Linux by the monotonic clock."""
        if self.kind == "camera" and shown_s is not None and 0 <= arrived_s - shown_s < MAX_AGE_S:
            return shown_s
        return arrived_s


def upright(frame: Any) -> np.ndarray:
    """A decoded frame of any pixel format -> uint8 [H, W, 3]: transparency goes onto white, turned as it is shown."""
    if any(component.is_alpha for component in frame.format.components):
        pixels = to_rgb(Image.fromarray(frame.to_ndarray(format="rgba"), "RGBA"))
    else:
        pixels = frame.to_ndarray(format="rgb24")
    turns = round(frame.rotation / 90) % 4  # counter-clockwise, as numpy turns
    return np.rot90(pixels, turns) if turns else pixels


def _aspect(frame: Any, stream: Any) -> float:
    """Of a pixel of the upright picture; 1 where nothing sensible is said."""
    said = getattr(frame, "sample_aspect_ratio", None) or stream.sample_aspect_ratio or Fraction(1)
    aspect = float(said) if 0.1 <= said <= 10 else 1.0
    return 1 / aspect if round(frame.rotation / 90) % 2 else aspect


def _is_cover(stream: Any) -> bool:
    """The picture on the sleeve of a piece of music."""
    return bool(stream.disposition & type(stream.disposition).attached_pic)


def _why_not(address: str, name: str, kind: str, error: Exception) -> str:
    if kind == "camera":
        if isinstance(error, PermissionError):
            return f"{name} may not be opened: your user must be in the group of {address} (often video)."
        return f"{name} cannot be opened as a camera: {words(error)}."
    if isinstance(error, ValueError) and "format" in str(error):
        return f"{name}: this PyAV does not read such raw frames."
    return f"{name} is not a video, or a damaged one: {words(error)}."
