"""Random streams that depend on the seed and on what they are for, never on what was drawn before."""

from enum import IntEnum

import numpy as np

_MASK_64 = (1 << 64) - 1


class Purpose(IntEnum):
    """What a stream is for. The numbers are part of a seed's meaning: never renumber, only add."""

    THERMAL_NOISE = 1
    FADING = 2
    CARRIER_PHASE = 3
    PHASE_NOISE = 4
    LINK_DELAY = 5
    CLOCK = 6
    ANTENNA_PHASE = 7
    INTERFERER_PHASE = 8
    INTERFERER_ACTIVITY = 9
    INTERFERER_NOISE = 10


def stream(seed: int, purpose: Purpose, *keys: int) -> np.random.Generator:
    """Generator for (seed, purpose, keys); keys may be negative. Every key takes 64 bits, so none collide."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(words(seed, purpose, *keys))))


def words(seed: int, purpose: Purpose, *keys: int) -> np.ndarray:
    """uint32 [4 + 2 keys]: what a stream's seed sequence is made of."""
    return np.array([key & _MASK_64 for key in (seed, int(purpose), *keys)], "<u8").view(np.uint32)
