"""The order of a payload's symbols on the air. numpy only.

A payload has C complex channels at every latent position. Use s * C + c carries channel c, so that what a channel use
carries follows from its number alone: users who part the channels stay apart whatever sizes their pictures have, and
users who share a channel meet on it. Every channel goes through the positions in the same scattered order, each from
another start: a stretch of lost uses costs no position all of its channels, and no channel a whole region.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SCATTER_SEED = 0x5CA77E


def laid_out(channels: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Symbols complex64 [C, positions] of a latent -> the payload complex64 [C * positions]."""
    return channels.ravel()[_places(*channels.shape)].ravel()


def gathered(payload: NDArray[np.complex64], channels: int) -> NDArray[np.complex64]:
    """The inverse: payload complex64 [k] -> complex64 [channels, k / channels]."""
    by_use = payload.reshape(-1, channels)
    symbols = np.empty(by_use.shape[::-1], payload.dtype)
    symbols.reshape(-1)[_places(*symbols.shape)] = by_use
    return symbols


@lru_cache(maxsize=4)
def _places(channels: int, positions: int) -> NDArray[np.int32]:
    """Where the payload's uses find their symbols in [channels, positions], flat: int32 [positions, channels]."""
    scatter = np.random.Generator(np.random.PCG64(SCATTER_SEED)).permutation(positions)
    starts = np.arange(channels) * positions // channels
    places = scatter[(np.arange(positions)[:, None] + starts) % positions] + np.arange(channels) * positions
    places = places.astype(np.int32)
    places.setflags(write=False)
    return places
