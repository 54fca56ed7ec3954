"""Median of repeated runs, on one core."""

import statistics
import time
from collections.abc import Callable


def median_seconds(
    function: Callable[[], object], runs: int = 7, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Median seconds of `runs` calls after an uncounted one: by the wall, or by ``time.process_time``."""
    function()
    seconds = []
    for _ in range(runs):
        start = clock()
        function()
        seconds.append(clock() - start)
    return statistics.median(seconds)
