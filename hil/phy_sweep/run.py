"""All points of a sweep, on one or several processes, with a progress bar on a terminal."""

import os
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from rich.console import Console
from rich.progress import track

from hil.phy_sweep.point import SweepPoint, run_point


def run_points(
    points: list[SweepPoint], frames: int, seed: int, jobs: int = 1, quiet: bool = False
) -> list[dict[str, Any]]:
    """One row per point, in order; the rows do not depend on the number of jobs."""
    console = Console(stderr=True)
    show = not quiet and console.is_terminal

    def shown(results: Any) -> list[dict[str, Any]]:
        return list(track(results, "points", len(points), console=console, disable=not show))

    if jobs == 1:
        return shown(run_point(point, frames, seed) for point in points)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processes share the cores among themselves
    with ProcessPoolExecutor(jobs) as pool:
        return shown(pool.map(run_point, points, [frames] * len(points), [seed] * len(points)))
