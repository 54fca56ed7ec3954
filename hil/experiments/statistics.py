"""Means with confidence intervals."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean of n values and the half width of its 95 % confidence interval; None for a single value."""

    n: int
    mean: float
    half: float | None


def interval(values: Iterable[float | None]) -> Interval | None:
    """Student's t interval of the mean of what is known and finite; None when nothing is.

    Values must be independent draws: half = t(0.975, n - 1) s / sqrt(n).
    """
    from scipy.stats import t

    known = np.array([value for value in values if value is not None and np.isfinite(value)], dtype=np.float64)
    if not known.size:
        return None
    half = None
    if known.size > 1:
        half = float(t.ppf((1 + LEVEL) / 2, known.size - 1) * known.std(ddof=1) / np.sqrt(known.size))
    return Interval(int(known.size), float(known.mean()), half)
