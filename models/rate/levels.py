"""What a block of a picture can be given: numbers of complex channels at each of its positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 2  # latent positions on each side
LEVELS = (2, 4, 8, 12, 16, 24, 32, 48, 64, 96)  # finer ones cost more in maps than they bring


def levels_of(complex_channels: int) -> tuple[int, ...]:
    """The levels of a codec that can send so many complex channels at a position, ascending; always its all."""
    return (*(level for level in LEVELS if level < complex_channels), complex_channels)


def block_positions(rows: int, columns: int) -> NDArray[np.int64]:
    """Latent positions in every block of a latent of rows x columns: int64 [ceil(rows / 2), ceil(columns / 2)]; blocks
    at the right and lower edge may be smaller.
    """
    heights, widths = (np.minimum(BLOCK, size - np.arange(0, size, BLOCK)) for size in (rows, columns))
    return np.outer(heights, widths).astype(np.int64)


def spread(blocks: NDArray[np.int64], rows: int, columns: int) -> NDArray[np.int64]:
    """A value of every block, int [..., ceil(rows / 2), ceil(columns / 2)] -> of every position, [..., rows,
    columns].
    """
    return blocks.repeat(BLOCK, axis=-2)[..., :rows, :].repeat(BLOCK, axis=-1)[..., :columns]
