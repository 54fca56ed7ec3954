"""Converters: rounding to b bits and clipping, I and Q apart.

Two's complement: step = full_scale / 2^(b-1), levels -2^(b-1) ... 2^(b-1) - 1. A full-scale complex
exponential has the signal-to-quantisation-noise ratio 1.5 * 4^b, i.e. 6.02 b + 1.76 dB (Bennett, Bell Syst.
Tech. J. 1948).
"""

import numpy as np

from radio import acceleration
from radio.acceleration import compiled


def convert(samples: np.ndarray, bits: int | None, full_scale: float = 1.0) -> int:
    """Round and clip complex64 samples [n] in place; returns how many I or Q values clipped. None bits is
    off.

    A sample that is not a number is converted to zero and counted as clipped, as hardware has no such value.
    """
    if bits is None:
        return 0
    parts = samples.view(np.float32)
    steps = 2.0 ** (bits - 1)
    up, down = np.float32(steps / full_scale), np.float32(full_scale / steps)
    low, high = np.float32(-steps), np.float32(steps - 1)
    if acceleration.NUMBA:
        return int(_convert_compiled(parts, up, down, low, high))
    scaled = np.rint(parts * up)
    clipped = ~((scaled >= low) & (scaled <= high))
    np.clip(np.nan_to_num(scaled, copy=False, nan=0.0), low, high, out=scaled)
    np.multiply(scaled, down, out=parts)
    return int(np.count_nonzero(clipped))


@compiled
def _convert_compiled(parts: np.ndarray, up: np.float32, down: np.float32, low: np.float32, high: np.float32) -> int:
    clipped = np.int32(0)
    for i in range(parts.size):
        scaled = np.rint(parts[i] * up)
        bounded = min(max(scaled, low), high)
        if scaled != bounded:
            clipped += np.int32(1)
        parts[i] = bounded * down if scaled == scaled else np.float32(0.0)
    return int(clipped)
