"""Unequal numbers of symbols at the positions of a latent, in a row. numpy only.

Channel by channel, and within a channel position by position: those positions that have the channel at all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def packed(latent: NDArray[np.complex64], counts: NDArray[np.int64]) -> NDArray[np.complex64]:
    """latent complex64 [C, positions], of which each position sends the first ``counts``, int [positions] -> complex64
    [counts.sum()].
    """
    return latent[_sent(len(latent), counts)]


def unpacked(symbols: NDArray[np.complex64], counts: NDArray[np.int64], channels: int) -> NDArray[np.complex64]:
    """The inverse, complex64 [channels, positions], zero where nothing was sent or ``symbols`` have ended."""
    sent = _sent(channels, counts)
    latent = np.zeros(sent.shape, np.complex64)
    values = np.zeros(int(sent.sum()), np.complex64)
    values[: symbols.size] = symbols[: values.size]
    latent[sent] = values
    return latent


def _sent(channels: int, counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray(np.arange(channels)[:, None] < counts)
