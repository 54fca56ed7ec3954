"""Time of repeated runs, on one core."""

import statistics
import time
from collections.abc import Callable, Sequence


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


def interleaved_minimum_seconds(
    functions: Sequence[Callable[[], object]], runs: int = 7, clock: Callable[[], float] = time.process_time
) -> list[float]:
    """Least seconds of `runs` calls of each function, called by turns after an uncounted one of each.

    By turns and by CPU time, so that other load on the machine meets all of them alike and is not counted itself;
    CPU time is that of all threads.
    """
    for function in functions:
        function()
    least = [float("inf")] * len(functions)
    for _ in range(runs):
        for index, function in enumerate(functions):
            start = clock()
            function()
            least[index] = min(least[index], clock() - start)
    return least
