"""Points on this machine, several at a time: each is a set of processes of its own, watched by a thread."""

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from hil.errors import HilError, UsageError
from hil.experiments.grid import Point
from hil.experiments.journal import Journal
from hil.experiments.point import Interrupted, run_point
from hil.experiments.progress import Display


def run_here(points: Sequence[Point], journal: Journal, jobs: int, display: Display) -> dict[str, str]:
    """Run the points, `jobs` at a time; returns why points failed, by id.

    A point whose nodes keep dying does not keep the others from running; input that cannot be used stops all.
    """
    stop = threading.Event()
    failures: dict[str, str] = {}
    with ThreadPoolExecutor(jobs, thread_name_prefix="point") as pool:
        running: dict[Future[dict[str, Any]], Point] = {}
        try:
            for point in points:
                while len(running) >= jobs:
                    _collect(running, display, failures)
                images = partial(display.images, point)
                running[pool.submit(run_point, point, journal.folder(point), images, stop)] = point
            while running:
                _collect(running, display, failures)
        except BaseException:
            stop.set()  # the pool's threads end their nodes in order before this function is left
            raise
    return failures


def _collect(running: dict[Future[dict[str, Any]], Point], display: Display, failures: dict[str, str]) -> None:
    done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
    for future in done:
        point = running.pop(future)
        try:
            display.finished(point, future.result()["wall_s"])
        except UsageError as error:
            raise UsageError(f"point {point.label}: {error}") from error
        except Interrupted:
            continue
        except HilError as error:
            failures[point.id] = str(error)
            display.failed(point, str(error))
