"""Lower bounds: carrier offset from a known preamble, channel estimate from known symbols."""

import numpy as np

from radio.air.channel import Channel
from radio.air.config import AirConfig
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig


def carrier_variance_bound(config: WaveformConfig, snr_per_sample: float) -> float:
    """Cramer-Rao bound in Hz^2 from one user's preamble of N = preamble_repeats * fft_size known samples.

    6 fs^2 / ((2 pi)^2 SNR N (N^2 - 1)) for white noise of a known, flat channel's samples (Rife and Boorstyn 1974).
    snr_per_sample: linear, of the payload; the preamble has the grid's boost over it.
    """
    snr_per_sample *= float(ResourceGrid(config).training_boost) ** 2
    n = config.preamble_repeats * config.fft_size
    return 6 * config.sample_rate_hz**2 / ((2 * np.pi) ** 2 * snr_per_sample * n * (n * n - 1))


def channel_error_bound(waveform: WaveformConfig, air: AirConfig, user: int, snr: float, symbols: int) -> float:
    """Least mean error power of a linear estimate over the channel's mean power, of all active subcarriers.

    tr(R - R (R + v I)^-1 R) / tr R with R = sum_l p_l e(tau_l) e(tau_l)^H from the true delays and mean powers, and
    v = 1 / (boost^2 snr symbols) (Kay, "Estimation Theory", 12.3). snr: the user's, linear, per channel use of the
    payload; symbols: known ones.
    """
    channel = Channel(air, user)
    grid = ResourceGrid(waveform)
    frequencies = grid.frequencies_hz / waveform.sample_rate_hz
    paths = np.exp(-2j * np.pi * np.outer(frequencies, channel.delays_samples)) * np.sqrt(channel.powers)
    eigenvalues = np.linalg.eigvalsh(paths @ paths.conj().T).clip(0)
    variance = 1 / (float(grid.training_boost) ** 2 * snr * symbols)
    return float(np.sum(eigenvalues * variance / (eigenvalues + variance)) / np.sum(eigenvalues))
