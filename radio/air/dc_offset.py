"""DC offset (carrier leakage at a transmitter, self-mixing at a receiver): y = x + d (Razavi, "RF
Microelectronics",
2nd ed., section 4.2.2)."""

import numpy as np


def add_dc(samples: np.ndarray, offset: tuple[float, float]) -> np.ndarray:
    """complex64 in, complex64 out; (0, 0) returns the very array that came in."""
    if offset == (0.0, 0.0):
        return samples
    return samples + np.complex64(complex(*offset))
