"""Thermal noise: circular complex Gaussian samples as a function of the absolute tick.

n[t] = sqrt(noise_power / 2) (g_I[t] + j g_Q[t]), g standard normal (Proakis & Salehi, "Digital Communications",
ch. 2.9). Each antenna's samples are the numbers of one key, counted by the tick, so any tick's noise is found without
its history.
"""

import numpy as np

from radio.air.gaussian import add_gaussian, noise_key
from radio.air.randomness import Purpose


class ThermalNoise:
    """Noise of one antenna."""

    def __init__(self, seed: int, antenna: int, purpose: Purpose = Purpose.THERMAL_NOISE) -> None:
        self._key = noise_key(seed, purpose, antenna)

    def add_to(self, samples: np.ndarray, start_tick: int, noise_power: float) -> None:
        """samples [n] complex64 += noise of variance noise_power from start_tick on; 0 changes nothing."""
        if noise_power > 0.0:
            add_gaussian(samples, self._key, start_tick, float(np.sqrt(noise_power)))
