"""Median of repeated runs, on one core."""

import statistics
import time
from collections.abc import Callable


def median_seconds(function: Callable[[], object], runs: int = 7, warm_up: int = 1) -> float:
    """Median wall seconds of `runs` calls after `warm_up` uncounted ones."""
    for _ in range(warm_up):
        function()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)
