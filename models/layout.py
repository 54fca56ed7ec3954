"""The order of a payload's symbols on the air. numpy only.

A payload has C complex channels at every latent position. Use s * C + c carries channel c, so that what a channel use
carries follows from its number alone: users who part the channels stay apart whatever sizes their pictures have, and
users who share a channel meet on it. Every channel goes through the positions in the same scattered order, each from
another start: a stretch of lost uses costs no position all of its channels, and no channel a whole region.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SCATTER_SEED = 0x5CA77E


def laid_out(channels: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Symbols complex64 [C, positions] of a latent -> the payload complex64 [C * positions]."""
    payload = np.empty(channels.shape[::-1], channels.dtype)
    for channel, order in enumerate(_orders(*channels.shape)):
        payload[:, channel] = channels[channel, order]
    return payload.ravel()


def gathered(payload: NDArray[np.complex64], channels: int) -> NDArray[np.complex64]:
    """The inverse: payload complex64 [k] -> complex64 [channels, k / channels]."""
    by_use = payload.reshape(-1, channels)
    symbols = np.empty(by_use.shape[::-1], payload.dtype)
    for channel, order in enumerate(_orders(*symbols.shape)):
        symbols[channel, order] = by_use[:, channel]
    return symbols


def _orders(channels: int, positions: int) -> Iterator[NDArray[np.int64]]:
    """For each channel the positions int64 [positions] whose symbols it sends, one after the other."""
    scatter = _scatter(positions)
    return (np.roll(scatter, -(channel * positions // channels)) for channel in range(channels))


@lru_cache(maxsize=16)
def _scatter(positions: int) -> NDArray[np.int64]:
    order = np.random.Generator(np.random.PCG64(SCATTER_SEED)).permutation(positions)
    order.setflags(write=False)
    return order
