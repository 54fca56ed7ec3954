"""A pool of large arrays: the first access to newly allocated memory costs as much as a pass over it."""

import numpy as np

_KEPT = 8


class Buffers:
    """A pool of complex64 arrays. Not thread-safe."""

    def __init__(self) -> None:
        self._spare: list[np.ndarray] = []

    def take(self, rows: int, columns: int) -> np.ndarray:
        """complex64 [rows, columns], contiguous, of any content."""
        needed = rows * columns
        for index, spare in enumerate(self._spare):
            if needed <= spare.size <= 4 * needed:  # a far larger one is kept for what needs it
                return self._spare.pop(index)[:needed].reshape(rows, columns)
        return np.empty(needed, np.complex64).reshape(rows, columns)

    def give(self, array: np.ndarray) -> None:
        """Return an array of `take`, or any other complex64 array that is no longer used, to the pool."""
        whole = array if array.base is None else array.base
        if isinstance(whole, np.ndarray) and whole.dtype == np.complex64 and whole.flags.c_contiguous:
            self._spare.append(whole.reshape(-1))
            del self._spare[:-_KEPT]
