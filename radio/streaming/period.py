"""A period that is repeated for ever, whose content can be exchanged without losing its phase."""

import threading

import numpy as np


class RepeatedPeriod:
    """`take` consecutive blocks in one thread, `repeat` new content from another. Zeros before the first content."""

    def __init__(self, channels: int) -> None:
        self._content = np.zeros((channels, 1), np.complex64)
        self._start_tick = 0
        self._tick = 0
        self._lock = threading.Lock()

    @property
    def tick(self) -> int:
        """First tick that has not been taken."""
        return self._tick

    def repeat(self, content: np.ndarray, start_tick: int) -> None:
        """From now on tick t carries content[:, (t - start_tick) mod n]; content: complex64 [channels, n]."""
        with self._lock:
            self._content, self._start_tick = content, start_tick

    def clear(self) -> None:
        """Zeros again."""
        self.repeat(np.zeros_like(self._content[:, :1]), 0)

    def take(self, n_samples: int) -> np.ndarray:
        """The next complex64 [channels, n_samples]."""
        with self._lock:
            n = self._content.shape[1]
            first = (self._tick - self._start_tick) % n
            repeats = -(-(first + n_samples) // n)
            block = np.tile(self._content, (1, repeats))[:, first : first + n_samples]
            self._tick += n_samples
        return np.ascontiguousarray(block)
