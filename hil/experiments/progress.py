"""How far an experiment is and how long it will take: a bar on a terminal, a line per point elsewhere."""

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from hil.experiments.grid import Point


def duration_text(seconds: float) -> str:
    """For people: "8 s", "3 min 20 s", "2 h 05 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Estimate:
    """Remaining time from the points that are done: a point's cost is taken as the mean of those so far."""

    def __init__(self, points: Sequence[Point], clock: Callable[[], float] = time.monotonic) -> None:
        self._weights = {point.id: float(point.images or 1) for point in points}
        self._total = sum(self._weights.values())
        self._parts: dict[str, float] = {}
        self._skipped: dict[str, float] = {}
        self._clock = clock
        self._started_s = clock()

    def note(self, point: Point, images: int) -> None:
        """So many of the point's images are recorded; what is there at its first note is not this session's work."""
        weight = self._weights[point.id]
        part = float(min(images, weight)) if point.images else 0.0
        self._skipped.setdefault(point.id, part)
        self._parts[point.id] = part

    def finish(self, point: Point) -> None:
        """All of the point is done."""
        self._skipped.setdefault(point.id, 0.0)
        self._parts[point.id] = self._weights[point.id]

    def remaining_s(self) -> float | None:
        """None while nothing is done yet."""
        done, skipped = sum(self._parts.values()), sum(self._skipped.values())
        if done <= skipped:
            return None
        return (self._total - done) * (self._clock() - self._started_s) / (done - skipped)


class Display:
    """Context manager. Methods may be called from several threads. already: points done before this session."""

    def __init__(self, points: Sequence[Point], already: int, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._estimate = Estimate(points)
        self._total, self._done = len(points) + already, already
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> "Display":
        if self._console.is_terminal and not self._console.quiet:
            columns: Any = (TextColumn("points"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[left]}"), console=self._console, transient=True)
            self._bar.start()
            self._task = self._bar.add_task("points", total=self._total, completed=self._done, left="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def images(self, point: Point, count: int) -> None:
        """So many images of a point are recorded."""
        with self._lock:
            self._estimate.note(point, count)
            self._refresh()

    def finished(self, point: Point, seconds: float) -> None:
        """A point is done after so many seconds."""
        self._tell(point, f"done in {duration_text(seconds)}", True)

    def failed(self, point: Point, reason: str) -> None:
        """A point was given up for this session."""
        self._tell(point, f"failed: {reason}", False)

    def _tell(self, point: Point, what: str, done: bool) -> None:
        with self._lock:
            self._estimate.finish(point)
            self._done += done
            left = self._left()
            text = f"{self._done}/{self._total} {point.label}: {what}{f', {left}' if left else ''}"
            self._console.print(escape(text), highlight=False, soft_wrap=True)
            self._refresh()

    def _left(self) -> str:
        seconds = self._estimate.remaining_s()
        return f"about {duration_text(seconds)} left" if seconds else ""

    def _refresh(self) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done, left=self._left())
