"""Means with confidence intervals."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hil.results.meaning import known

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean of n values and the half width of its 95 % confidence interval; None for a single value."""

    n: int
    mean: float
    half: float | None


def interval(values: Iterable[float | None]) -> Interval | None:
    """Student's t interval of the mean of what is known and plausible; None when nothing is.

    Values must be independent draws: half = t(0.975, n - 1) s / sqrt(n).
    """
    from scipy.stats import t

    found = np.array(known(values), dtype=np.float64)
    if not found.size:
        return None
    half = None
    if found.size > 1:
        half = float(t.ppf((1 + LEVEL) / 2, found.size - 1) * found.std(ddof=1) / np.sqrt(found.size))
    return Interval(int(found.size), float(found.mean()), half)
