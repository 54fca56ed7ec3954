"""The levels of a picture's blocks as few bits: what differs from the blocks on the left and above, in Rice codes.

Rice, JPL Publication 79-22, 1979. numpy only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError

PARAMETERS = (0, 1, 2, 3)  # of the Rice code; two bits say which
LONGEST = 64  # ones in a row: more are no code word of any map


def to_bits(indices: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Indices of levels int [high, wide] -> uint8 [n], with the parameter of the code that is shortest for them."""
    folded = _folded(indices - _expected(indices)).ravel()
    lengths = [int((folded >> k).sum()) + folded.size * (1 + k) for k in PARAMETERS]
    k = int(np.argmin(lengths))
    bits = [k >> 1, k & 1]
    for value in folded.tolist():
        bits += [1] * (value >> k) + [0] + [value >> place & 1 for place in range(k - 1, -1, -1)]
    return np.array(bits, np.uint8)


def from_bits(bits: NDArray[np.uint8], high: int, wide: int, levels: int) -> NDArray[np.int64]:
    """The inverse; bits after the map's are left alone. ModelError where the bits are no map of ``levels`` levels."""
    stream = iter(bits.tolist())
    indices = np.zeros((high, wide), np.int64)
    try:
        k = 2 * next(stream) + next(stream)
        for row in range(high):
            for column in range(wide):
                step = _unfolded(_value(stream, k))
                indices[row, column] = _expected_at(indices, row, column) + step
    except StopIteration:
        raise ModelError("the bits of a rate map end before the map does.") from None
    if indices.min() < 0 or indices.max() >= levels:
        raise ModelError(f"a rate map names level {indices.max()} or below 0, but there are {levels} levels.")
    return indices


def _value(stream: object, k: int) -> int:
    quotient = 0
    while next(stream):  # type: ignore[call-overload]
        quotient += 1
        if quotient > LONGEST:
            raise ModelError("the bits of a rate map hold a code word that is too long.")
    value = quotient
    for _ in range(k):
        value = 2 * value + next(stream)  # type: ignore[call-overload]
    return value


def _expected(indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """`_expected_at` of every block."""
    left, above = indices.copy(), indices.copy()
    left[:, 1:], above[1:] = indices[:, :-1], indices[:-1]
    left[1:, 0], above[0, 1:] = indices[:-1, 0], indices[0, :-1]
    expected = (left + above) // 2
    expected[0, 0] = 0
    return expected


def _expected_at(indices: NDArray[np.int64], row: int, column: int) -> int:
    """The mean of the levels on the left and above, where there are both."""
    if not row and not column:
        return 0
    left = indices[row, column - 1] if column else indices[row - 1, column]
    above = indices[row - 1, column] if row else indices[row, column - 1]
    return int(left + above) // 2


def _folded(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, -1, 1, -2, ... as 0, 1, 2, 3, ..."""
    return np.where(steps < 0, -2 * steps - 1, 2 * steps)


def _unfolded(value: int) -> int:
    return -(value + 1) // 2 if value % 2 else value // 2
