"""Symbols to blocks so that a picture's mean squared error is least, by Lagrange's method over discrete levels.

For a price of a symbol every block takes the level at which its error and its symbols' price are least together, which
is the best allocation of what all blocks then take (Everett, Operations Research 11(3), 1963; Shoham and Gersho, IEEE
Trans. ASSP 36(9), 1988). The price is found by bisection, and what is left goes where it still brings most.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError

BISECTIONS = 40


def allocate(
    errors: NDArray[np.floating], levels: tuple[int, ...], positions: NDArray[np.int64], budget: int
) -> NDArray[np.int64]:
    """Index of every block's level: int64 [blocks].

    errors: float [levels, blocks], mean squared error of a block at a level; positions: int [blocks], in each;
    budget: complex symbols in all. ModelError where it is not enough for the lowest level everywhere.
    """
    channels = np.asarray(levels)
    if channels[0] * positions.sum() > budget:
        raise ModelError(
            f"{positions.sum()} positions need {channels[0] * positions.sum()} symbols at least, but have {budget}."
        )
    sums = np.asarray(errors, np.float64) * positions
    symbols = channels[:, None] * positions
    low, high = 0.0, float(np.max(sums)) + 1e-12  # at the higher price nothing is bought
    for _ in range(BISECTIONS):
        price = (low + high) / 2
        taken = np.argmin(sums + price * symbols, axis=0)
        if np.take_along_axis(symbols, taken[None], 0).sum() > budget:
            low = price
        else:
            high = price
    return _topped_up(np.argmin(sums + high * symbols, axis=0), sums, symbols, budget)


def _topped_up(
    taken: NDArray[np.int64], sums: NDArray[np.float64], symbols: NDArray[np.int64], budget: int
) -> NDArray[np.int64]:
    """One level more for those blocks that gain most a symbol, each once, as far as the budget goes."""
    left = budget - int(np.take_along_axis(symbols, taken[None], 0).sum())
    above = np.minimum(taken + 1, len(sums) - 1)

    def of(table: NDArray[np.generic]) -> NDArray[np.float64]:
        lower, upper = (np.take_along_axis(table, one[None], 0)[0] for one in (taken, above))
        return np.asarray(upper - lower, np.float64)

    cost, gain = of(symbols), -of(sums)
    worth = np.where((above > taken) & (gain > 0), gain / np.maximum(cost, 1), -1.0)
    raised = taken.copy()
    for block in np.argsort(-worth, kind="stable"):
        if worth[block] <= 0:
            break
        if cost[block] <= left:
            raised[block] += 1
            left -= int(cost[block])
    return raised
