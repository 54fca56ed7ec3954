"""The length-31 Gold sequence of 3GPP TS 38.211, section 5.2.1."""

from functools import lru_cache

import numpy as np

ADVANCE = 1600  # N_C of the specification


@lru_cache(maxsize=256)
def gold_bits(c_init: int, length: int) -> np.ndarray:
    """c(n) = (x1(n + N_C) + x2(n + N_C)) mod 2: uint8 [length]. c_init: 31-bit seed of x2."""
    x1 = np.zeros(ADVANCE + length + 31, np.uint8)
    x2 = np.zeros_like(x1)
    x1[0] = 1
    x2[:31] = (c_init >> np.arange(31)) & 1
    # x(n + 31) needs x(n + 3) at the latest, so 28 values can be made at a time.
    for n in range(0, ADVANCE + length, 28):
        stop = min(n + 28, ADVANCE + length)
        x1[n + 31 : stop + 31] = x1[n + 3 : stop + 3] ^ x1[n:stop]
        x2[n + 31 : stop + 31] = x2[n + 3 : stop + 3] ^ x2[n + 2 : stop + 2] ^ x2[n + 1 : stop + 1] ^ x2[n:stop]
    bits = x1[ADVANCE : ADVANCE + length] ^ x2[ADVANCE : ADVANCE + length]
    bits.setflags(write=False)
    return bits


def gold_qpsk(c_init: int, length: int) -> np.ndarray:
    """complex64 [length] of unit power: ((1 - 2 c(2m)) + j (1 - 2 c(2m + 1))) / sqrt(2)."""
    bits = gold_bits(c_init, 2 * length).astype(np.float32)
    signs = 1 - 2 * bits
    return ((signs[0::2] + 1j * signs[1::2]) / np.sqrt(2)).astype(np.complex64)
