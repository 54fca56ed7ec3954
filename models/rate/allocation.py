"""Symbols to blocks so that a picture's mean squared error is least, by Lagrange's method over discrete levels.

For a price of a symbol every block takes the level at which its error and its symbols' price are least together, which
is the best allocation of what all blocks then take (Everett, Operations Research 11(3), 1963; Shoham and Gersho, IEEE
Trans. ASSP 36(9), 1988). The price is found by bisection, and what is left goes where it still brings most.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError

BISECTIONS = 30
SWEEPS = 2
# What a step of one level from what is expected costs: 1 to 2 bits in the codes of map_bits, and more segments.
BITS_A_STEP = 3.0


def allocate(
    errors: NDArray[np.floating],
    levels: tuple[int, ...],
    positions: NDArray[np.int64],
    budget: int,
    uses_a_bit: float = 0.0,
) -> NDArray[np.int64]:
    """Index of every block's level: int64 [high, wide].

    errors: float [levels, high, wide], mean squared error of a block at a level; positions: int [high, wide], in each;
    budget: complex symbols in all. uses_a_bit: channel uses that a bit of the map costs; where it is not 0 levels also
    keep near to those on the left and above, as far as that is worth it. ModelError where the budget is not enough for
    the lowest level everywhere.
    """
    channels = np.asarray(levels)
    if channels[0] * positions.sum() > budget:
        raise ModelError(
            f"{positions.sum()} positions need {channels[0] * positions.sum()} symbols at least, but have {budget}."
        )
    sums = np.asarray(errors, np.float64) * positions
    symbols = channels[:, None, None] * positions
    low, high = 0.0, float(np.max(sums)) + 1e-12  # at the higher price nothing is bought
    taken = lowest = np.zeros(positions.shape, np.int64)
    for _ in range(BISECTIONS):
        price = (low + high) / 2
        tried = _smoothed(sums + price * symbols, price * uses_a_bit * BITS_A_STEP)
        if _of(symbols, tried).sum() > budget:
            low = price
        else:
            high, taken = price, tried
    return taken if taken is lowest else _topped_up(taken, sums, symbols, budget)


def _of(table: NDArray[np.generic], taken: NDArray[np.int64]) -> NDArray[np.float64]:
    """table [levels, high, wide] at the levels taken."""
    return np.asarray(np.take_along_axis(table, taken[None], 0)[0], np.float64)


def _smoothed(costs: NDArray[np.float64], a_step: float) -> NDArray[np.int64]:
    """The levels of least cost, [high, wide], where a step between a block's level and the mean of those on the left
    and above costs ``a_step``: by iterated conditional modes (Besag, J. R. Statist. Soc. B 48(3), 1986) over the two
    colours of a chessboard.
    """
    taken = np.argmin(costs, axis=0)
    if a_step == 0 or taken.size == 1:
        return taken
    colours = np.indices(taken.shape).sum(axis=0) % 2
    levels = np.arange(len(costs))[:, None, None]
    for colour in SWEEPS * (0, 1):
        around = np.pad(taken, 1, mode="edge")
        left, above, right, below = around[1:-1, :-2], around[:-2, 1:-1], around[1:-1, 2:], around[2:, 1:-1]
        own = np.abs(levels - (left + above) / 2)
        on_right = np.abs(right - (levels + around[:-2, 2:]) / 2)
        under = np.abs(below - (levels + around[2:, :-2]) / 2)
        best = np.argmin(costs + a_step * (own + on_right + under), axis=0)
        taken = np.where(colours == colour, best, taken)
    return taken


def _topped_up(
    taken: NDArray[np.int64], sums: NDArray[np.float64], symbols: NDArray[np.int64], budget: int
) -> NDArray[np.int64]:
    """One level more for those blocks that gain most a symbol, each once, as far as the budget goes."""
    left = budget - int(_of(symbols, taken).sum())
    above = np.minimum(taken + 1, len(sums) - 1)
    cost, gain = (_of(symbols, above) - _of(symbols, taken)).ravel(), (_of(sums, taken) - _of(sums, above)).ravel()
    worth = np.where((cost > 0) & (gain > 0), gain / np.maximum(cost, 1), -1.0)
    raised = taken.copy().ravel()
    for block in np.argsort(-worth, kind="stable"):
        if worth[block] <= 0:
            break
        if cost[block] <= left:
            raised[block] += 1
            left -= int(cost[block])
    return raised.reshape(taken.shape)
