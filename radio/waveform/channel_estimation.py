"""One user's channel from its known symbols: least squares, then LMMSE in the delay domain.

The power-delay profile that LMMSE needs is learnt from the same symbols by evidence maximisation (sparse Bayesian
learning, Tipping 2001, by expectation maximisation): taps that the noise explains lose their power. With H the
least-squares mean over m symbols, F the delays' responses, p the profile and v = noise_power / m:

    S = (F^H F / v + diag(1 / p))^-1,  h = S F^H H / v,  p <- |h|^2 + S_ll
"""

from functools import lru_cache

import numpy as np

from radio.waveform.config import WaveformConfig
from radio.waveform.grid import ResourceGrid

ITERATIONS = 20
PEAK_OVERSAMPLING = 16


@lru_cache(maxsize=8)
def _responses(config: WaveformConfig) -> tuple[np.ndarray, np.ndarray]:
    """F complex128 [active, taps] for delays of whole samples around the prefix, and F^H F."""
    grid = ResourceGrid(config)
    delays = np.arange(-3, config.cp_samples + 4)
    matrix = np.exp(-2j * np.pi * np.outer(grid.frequencies_hz / config.sample_rate_hz, delays))
    return matrix, matrix.conj().T @ matrix


def residual_noise_power(observations: np.ndarray) -> float:
    """Unbiased noise power per subcarrier from what differs between repeats: complex [antennas, m, active], m >= 2."""
    m = observations.shape[1]
    spread = observations - observations.mean(axis=1, keepdims=True)
    return float(np.mean(np.abs(spread) ** 2) * m / (m - 1))


def estimate_channel(observations: np.ndarray, config: WaveformConfig, noise_power: float) -> tuple[np.ndarray, float]:
    """LMMSE estimate complex64 [antennas, active] and its expected error power per value.

    observations: complex64 [antennas, m, active], known symbols divided out and carrier undone; noise_power: per
    subcarrier of one symbol. The antennas share a profile. The stated error is the model's own: a path between two
    taps adds up to 4 dB.
    """
    responses, gram = _responses(config)
    least_squares = observations.mean(axis=1).astype(np.complex128)
    variance = max(noise_power / observations.shape[1], 1e-12 * float(np.mean(np.abs(least_squares) ** 2)), 1e-300)
    matched = responses.conj().T @ least_squares.T / variance  # [taps, antennas]
    taps = gram.shape[0]
    profile = np.full(taps, max(float(np.mean(np.abs(least_squares) ** 2)), 1e-300) / taps)
    floor = 1e-6 * variance / config.active_subcarriers
    for _ in range(ITERATIONS):
        covariance = np.linalg.inv(gram / variance + np.diag(1 / profile))
        mean = covariance @ matched
        profile = np.maximum(np.mean(np.abs(mean) ** 2, axis=1) + np.real(np.diag(covariance)), floor)
    covariance = np.linalg.inv(gram / variance + np.diag(1 / profile))
    mean = covariance @ matched
    error_variance = float(np.real(np.trace(gram @ covariance))) / config.active_subcarriers
    return (responses @ mean).T.astype(np.complex64), error_variance


def strongest_path_samples(channel: np.ndarray, config: WaveformConfig) -> float:
    """Delay of the strongest path in samples from the FFT window's start, fractional.

    channel: complex [antennas, active].
    """
    n = config.fft_size
    bins = np.zeros((len(channel), n * PEAK_OVERSAMPLING), np.complex64)
    offsets = np.round(ResourceGrid(config).frequencies_hz / config.subcarrier_spacing_hz).astype(int)
    bins[:, offsets] = channel
    power = np.sum(np.abs(np.fft.ifft(bins, axis=1)) ** 2, axis=0)
    i = int(np.argmax(power))
    before, peak, after = power[i - 1], power[i], power[(i + 1) % power.size]
    curve = before - 2 * peak + after
    delay = (i + (0.5 * (before - after) / curve if curve < 0 else 0.0)) / PEAK_OVERSAMPLING
    return float(delay - n if delay > n / 2 else delay)
