"""How a training shows where it is: a bar on a terminal, a line a minute elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_EVERY_S = 60.0


class Display:
    """A context in which ``show`` may be called as often as one likes; quiet shows nothing."""

    def __init__(self, console: Console, quiet: bool, done: float) -> None:
        """done: share of the run that was there before this process went on with it, 0 to 1."""
        self._console, self._quiet = console, quiet
        self._began_s = self._line_s = time.monotonic()
        self._before = done
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._bar.add_task("training", total=1.0)
        self._bar.update(self._task, completed=done)

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, done: float, step: int, images_seen: int, figure: float) -> None:
        """done: share of the run, 0 to 1; figure: what the training logs of itself."""
        self._bar.update(self._task, completed=done, description=f"training, {figure:.3f}")
        now_s = time.monotonic()
        if self._quiet or self._console.is_terminal or now_s - self._line_s < LINE_EVERY_S:
            return
        self._line_s = now_s
        left_s = seconds_left(now_s - self._began_s, self._before, done)
        self._console.print(
            f"training: {100 * done:.1f} %, update {step}, {images_seen} images, {figure:.3f}, "
            f"about {left_s / 60:.0f} minutes left",
            highlight=False,
        )


def seconds_left(spent_s: float, before: float, done: float) -> float:
    """Time to the end at the pace since ``before``, shares in [0, 1]; infinite when nothing was done since."""
    return spent_s * (1 - done) / (done - before) if done > before else float("inf")
