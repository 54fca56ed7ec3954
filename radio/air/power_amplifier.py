"""Compression of a solid-state power amplifier (Rapp, "Effects of HPA-nonlinearity on a 4-DPSK/OFDM signal
for a digital sound broadcasting system", 2nd European Conf. on Satellite Communications, 1991).

y = x / (1 + (|x| / A)^(2p))^(1 / (2p)): unit gain when small, amplitude A in saturation, no phase distortion.
"""

import numpy as np

from radio.air.config import PowerAmplifierConfig


def amplify(samples: np.ndarray, config: PowerAmplifierConfig | None) -> np.ndarray:
    """complex64 in, complex64 out; None returns the very array that came in."""
    if config is None:
        return samples
    twice_p = 2 * config.smoothness
    drive = np.maximum(np.abs(samples) / np.float32(config.saturation_amplitude), np.float32(1e-30))
    # Written so that no power overflows: beyond saturation the gain is 1 / drive times a factor near 1.
    beyond = np.maximum(drive, np.float32(1.0))
    knee = (1 + np.minimum(drive, 1 / drive) ** twice_p) ** (-1 / twice_p)
    return np.asarray(samples * (knee / beyond), np.complex64)
