"""`estimation` in noise that is not white: what would have been measured in white noise is estimated on the way.

A measured channel H = g + n with noise of covariance v S is one in white noise of power w <= v S, and more noise on
top. Given g, the mean of the former is g + w (v S)^-1 (H - g): noisy subcarriers and directions lean on the estimate
as the others shape it (expectation maximisation; Feder and Weinstein 1988). w is the harmonic mean of v S, which counts
what the good subcarriers tell; where there is less noise than that, it is taken for w.
"""

import numpy as np

from radio.waveform.channel.estimation import estimate_channel
from radio.waveform.config import WaveformConfig
from radio.waveform.noise.colour import NoiseColour

ROUNDS = 3
EVEN = 0.8  # of the mean: with noise that differs less there is nothing to gain


def in_white_noise(
    measured: np.ndarray, config: WaveformConfig, variance: float, colour: NoiseColour
) -> tuple[np.ndarray, float]:
    """complex64 [antennas, active], for `estimate_channel` as if measured in white noise, and that noise's variance.

    measured, variance: as there, the mean of the noise over subcarriers and antennas.
    """
    values, vectors = np.linalg.eigh(colour.shape)
    level = 1 / float(np.mean(1 / values))
    if level > EVEN:
        return measured, variance
    trust = (vectors * np.minimum(level / values, 1.0)[:, None]) @ vectors.conj().swapaxes(1, 2)
    white, mixed = measured, variance
    for _ in range(ROUNDS):
        estimate, _ = estimate_channel(white, config, mixed)
        white = np.asarray(estimate + np.einsum("kab,bk->ak", trust, measured - estimate), np.complex64)
        mixed = variance * level
    return white, mixed
