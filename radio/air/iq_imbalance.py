"""IQ imbalance of a direct-conversion mixer.

y = alpha x + beta conj(x),  alpha = (1 + g exp(j phi)) / 2,  beta = (1 - g exp(-j phi)) / 2, with g the
amplitude of Q over I and phi the error of its angle: I' = Re x, Q' = g (Im x cos phi + Re x sin phi). The
image is |beta / alpha|^2 = (1 - 2 g cos phi + g^2) / (1 + 2 g cos phi + g^2) below the signal (Razavi, "RF
Microelectronics", 2nd ed., section 4.2.2).
"""

import numpy as np

from radio.air.config import IqImbalanceConfig


def image_coefficients(config: IqImbalanceConfig) -> tuple[complex, complex]:
    """(alpha, beta) of y = alpha x + beta conj(x)."""
    skewed = 10 ** (config.gain_db / 20) * np.exp(1j * np.deg2rad(config.phase_deg))
    return complex((1 + skewed) / 2), complex((1 - np.conj(skewed)) / 2)


def imbalance(samples: np.ndarray, config: IqImbalanceConfig | None) -> np.ndarray:
    """complex64 in, complex64 out; None returns the very array that came in."""
    if config is None:
        return samples
    alpha, beta = image_coefficients(config)
    return np.complex64(alpha) * samples + np.complex64(beta) * np.conj(samples)
