"""A source in time: a thread reads it, and the transmitter takes the picture that is due."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hil.errors import HilError, UsageError
from hil.video.fit import fit
from hil.video.shot import Shot, Source, SourceBroken
from hil.video_config import VideoConfig
from models.images import ImageSource, Picture
from models.images.arrays import ArrayImages

log = logging.getLogger(__name__)
MAX_QUEUED = 64  # pictures that wait with late = queue; a file then waits, a camera's oldest are dropped
MAX_BEHIND_S = 1.0  # a source that cannot be read as fast as it plays is played slower
MAX_PIPE_GAP_S = 1.0  # a pipe's time stamps that jump ahead of what arrives: its writer has left pictures out


@dataclass(frozen=True)
class LivePicture:
    """A picture to send. pixels: uint8 [H, W, 3]; source_size: its height and width before; times monotonic, seconds.

    dropped: pictures since the one before it that nobody will see; repeated: the one before it, once more.
    """

    image_id: str
    pixels: np.ndarray
    source_size: tuple[int, int]
    number: int
    position_s: float
    captured_s: float
    ready_s: float
    taken_s: float = 0.0  # by the transmitter
    dropped: int = 0
    repeated: bool = False

    @property
    def picture(self) -> Picture:
        """As every other picture that is sent."""
        return Picture(self.image_id, self.pixels, self.source_size)


@dataclass(frozen=True)
class Ended:
    """No picture will come any more, and why."""

    reason: str


class LivePictures:
    """open_source: blocks until the source is there. `open` first, `take` in one thread, `close` at the end.

    What plays begins with the first `take`: a file and a pipe are held until then, a camera's pictures are passed over.
    """

    def __init__(self, open_source: Callable[[], Source], video: VideoConfig) -> None:
        self._open_source, self._video = open_source, video
        self._changed = threading.Condition()
        self._waiting: deque[LivePicture] = deque()
        self._last: LivePicture | None = None
        self._dropped = 0
        self._opened = self._going = self._closing = False
        self._kind = ""
        self._refused: Exception | None = None
        self._ended: str | None = None
        self._heard_s = 0.0
        self._thread = threading.Thread(target=self._run, name="video", daemon=True)

    @property
    def images(self) -> ImageSource:
        """What is known before a picture is there: its size, as that of one blank picture."""
        blank = np.zeros((1, self._video.height, self._video.width, 3), np.uint8)
        return ArrayImages("live", blank, max(self._video.height, self._video.width))

    def open(self) -> None:
        """Wait until the source is open. Raises UsageError for what is no video or not there."""
        self._thread.start()
        with self._changed:
            while not self._opened and self._refused is None:
                self._changed.wait(0.5)  # signals are heard in between
        if self._refused is not None:
            refused = self._refused
            if isinstance(refused, UsageError):
                raise refused
            raise HilError(f"the video could not be opened: {refused}.") from refused

    def take(self, wait_s: float) -> LivePicture | Ended:
        """The picture to send now; where none has come after wait_s, the last one again."""
        with self._changed:
            if not self._going:
                self._going, self._heard_s = True, time.monotonic()
                self._changed.notify_all()
            deadline = time.monotonic() + wait_s
            while not self._waiting and self._ended is None:
                now = time.monotonic()
                if self._silent(now):
                    return Ended(f"no picture has come for {self._video.silence_s:g} s")
                if now >= deadline and self._last is not None:
                    return replace(self._last, taken_s=now, dropped=0, repeated=True)
                self._changed.wait(0.05 if self._last is None else min(0.05, max(0.0, deadline - now)))
            if not self._waiting:
                return Ended(self._ended or "it is over")
            picture = self._waiting.popleft()
            dropped, self._dropped = self._dropped, 0
            self._last = replace(picture, taken_s=time.monotonic(), dropped=dropped)
            self._changed.notify_all()
            return self._last

    def close(self) -> None:
        """Let go of the source; a thread that waits for a pipe ends with the process."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout=0.5)

    def _silent(self, now_s: float) -> bool:
        return self._kind in ("camera", "pipe") and now_s - self._heard_s > self._video.silence_s

    # -- the reading thread --

    def _run(self) -> None:
        try:
            source = self._open_source()
        except Exception as error:  # told where `open` waits
            with self._changed:
                self._refused = error
                self._changed.notify_all()
            return
        with self._changed:
            self._opened, self._kind = True, source.kind
            self._changed.notify_all()
        reason = "it is over"
        try:
            self._play(source)
        except SourceBroken as error:
            reason = str(error)
        except Exception as error:
            log.exception("the video failed")
            reason = f"{type(error).__name__}: {error}"
        finally:
            source.close()
        with self._changed:
            self._ended = reason
            self._changed.notify_all()

    def _play(self, source: Source) -> None:
        clock = PlayClock(source.kind)
        thinned = Thinned(self._video.rate_fps)
        if source.kind != "camera":
            self._wait_for_start()
        for shot in source.shots():
            with self._changed:
                self._heard_s = time.monotonic()
                if self._closing:
                    return
                if not self._going:
                    continue  # a camera's picture that nobody has asked for yet
            if not thinned.keeps(shot.position_s):
                continue
            pixels = fit(shot.pixels, self._video.width, self._video.height, self._video.fit, shot.pixel_aspect)
            due_s = clock.due_s(shot, time.monotonic())
            if not self._sleep_until(due_s):
                return
            self._offer(_picture(source, shot, pixels, due_s))

    def _wait_for_start(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._going or self._closing)

    def _sleep_until(self, due_s: float) -> bool:
        """False where the transmitter closes meanwhile."""
        with self._changed:
            while not self._closing:
                left_s = due_s - time.monotonic()
                if left_s <= 0:
                    return True
                self._heard_s = time.monotonic()  # a pipe is not silent while its picture waits here
                self._changed.wait(left_s)
            return False

    def _offer(self, picture: LivePicture) -> None:
        with self._changed:
            if self._video.late == "drop":
                self._dropped += len(self._waiting)
                self._waiting.clear()
            elif self._kind == "camera":
                while len(self._waiting) >= MAX_QUEUED:
                    self._waiting.popleft()
                    self._dropped += 1
            else:
                self._changed.wait_for(lambda: len(self._waiting) < MAX_QUEUED or self._closing)
            self._waiting.append(picture)
            self._changed.notify_all()


class PlayClock:
    """When a picture is due, in monotonic seconds: a file's by its time stamps from the first picture on, a pipe's not
    before it has arrived, a camera's when it was taken.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._start_s: float | None = None  # of position 0
        self._slow = False
        self._last_s = 0.0

    def due_s(self, shot: Shot, now_s: float) -> float:
        """now_s: when the picture is ready to be shown."""
        if self._kind == "camera":
            return shot.arrived_s
        if self._start_s is None:
            self._start_s = now_s - shot.position_s
        due_s = self._start_s + shot.position_s
        if self._kind == "pipe":
            due_s = max(due_s, shot.arrived_s)
            if due_s - max(self._last_s, shot.arrived_s) > MAX_PIPE_GAP_S:
                due_s = shot.arrived_s
        if now_s - due_s > MAX_BEHIND_S:
            if self._kind == "file" and not self._slow:
                log.warning("the video is not read or sent as fast as it plays: it is played slower")
                self._slow = True
            due_s = now_s
        self._start_s, self._last_s = due_s - shot.position_s, due_s
        return due_s


class Thinned:
    """At most so many pictures a second of a source that has more; None keeps all."""

    def __init__(self, rate_fps: float | None) -> None:
        self._step_s = 1.0 / rate_fps if rate_fps else 0.0
        self._next_s = 0.0

    def keeps(self, position_s: float) -> bool:
        """Positions come in order."""
        if not self._step_s:
            return True
        if position_s < self._next_s - 0.01 * self._step_s:  # time stamps are rounded
            return False
        self._next_s = max(self._next_s + self._step_s, position_s + 0.5 * self._step_s)
        return True


def _picture(source: Source, shot: Shot, pixels: np.ndarray, due_s: float) -> LivePicture:
    height, width = shot.pixels.shape[:2]
    return LivePicture(
        image_id=f"{source.name}-{shot.number:06d}",
        pixels=pixels,
        source_size=(height, width),
        number=shot.number,
        position_s=shot.position_s,
        captured_s=due_s,
        ready_s=max(due_s, time.monotonic()),
    )
