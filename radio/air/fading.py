"""Flat fading: Rayleigh and Rician gains, constant in a block or moving with Doppler.

Rayleigh: h ~ CN(0, 1). Rician: h = sqrt(K / (K + 1)) exp(j phi) + sqrt(1 / (K + 1)) CN(0, 1), phi uniform.
Doppler: a sum of M equally spread plane waves with random phases (Clarke; Jakes, "Microwave Mobile
Communications", 1974, ch. 1; the random rotation is Zheng & Xiao's, IEEE Commun. Lett. 2002):

    h(t) = M^-1/2 sum_m exp(j (2 pi fd cos((2 pi m + psi) / M) t + phi_m)),   E h(t) h*(t + tau) = J0(2 pi fd
    tau)

The fixed part of a Rician gain has the Doppler shift 0.7 fd, as TR 38.901 section 7.7.2 asks of its TDL
channels.
"""

from functools import lru_cache

import numpy as np

from radio.air.randomness import Purpose, stream

PLANE_WAVES = 32
LINE_OF_SIGHT_DOPPLER = 0.7


@lru_cache(maxsize=256)
def block_gains(seed: int, user: int, antenna: int, block: int, n_taps: int, k_factor: float) -> np.ndarray:
    """complex128 [n_taps] of unit mean power for one fading block; k_factor (linear) is that of tap 0."""
    rng = stream(seed, Purpose.FADING, user, antenna, block)
    scattered = rng.standard_normal((n_taps, 2)) @ np.array([1, 1j]) / np.sqrt(2)
    fixed = np.exp(2j * np.pi * rng.uniform())
    gains = _with_line_of_sight(scattered, fixed, k_factor)
    gains.setflags(write=False)
    return gains


def doppler_gains(
    seed: int, user: int, antenna: int, times_s: np.ndarray, doppler_hz: float, n_taps: int, k_factor: float
) -> np.ndarray:
    """complex128 [n_taps, times] of unit mean power at absolute times; k_factor (linear) is that of tap 0."""
    rng = stream(seed, Purpose.FADING, user, antenna)
    rotation = rng.uniform(0, 2 * np.pi, (n_taps, 1))
    phases = rng.uniform(0, 2 * np.pi, (n_taps, PLANE_WAVES))
    arrival = (2 * np.pi * np.arange(PLANE_WAVES) + rotation) / PLANE_WAVES
    angle = 2 * np.pi * doppler_hz * np.cos(arrival)[:, :, None] * times_s + phases[:, :, None]
    scattered = np.exp(1j * angle).sum(axis=1) / np.sqrt(PLANE_WAVES)
    fixed = np.exp(2j * np.pi * (LINE_OF_SIGHT_DOPPLER * doppler_hz * times_s + rng.uniform()))
    return _with_line_of_sight(scattered, fixed, k_factor)


def _with_line_of_sight(scattered: np.ndarray, fixed: np.ndarray | complex, k_factor: float) -> np.ndarray:
    """Mix the fixed part into tap 0 in the ratio k_factor; 0 is Rayleigh."""
    if k_factor > 0:
        scattered[0] = np.sqrt(k_factor / (k_factor + 1)) * fixed + np.sqrt(1 / (k_factor + 1)) * scattered[0]
    return scattered
