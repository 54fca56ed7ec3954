"""What many known symbols say together: their mean, once the clock's drift is undone, and the noise between them."""

import math
from dataclasses import dataclass

import numpy as np

from radio import acceleration
from radio.waveform.grid import ResourceGrid
from radio.waveform.straightening import ramps


@dataclass(frozen=True)
class SteadyMean:
    """values: complex64 [antennas, active]; symbols: how many; noise_power: of one symbol's values, unbiased, from what
    differs between the symbols (0 of one symbol)."""

    values: np.ndarray
    symbols: int
    noise_power: float


def steady_mean(observations: np.ndarray, drift_samples: np.ndarray, grid: ResourceGrid) -> SteadyMean:
    """observations: complex64 [antennas, m, active]; drift_samples: float [m], the delay to be undone in each."""
    antennas, symbols, active = observations.shape
    if acceleration.NUMBA:
        step = 2 * np.pi / grid.config.fft_size * drift_samples
        values, scatter = _compiled(observations, step)
    else:
        straight = observations * ramps(drift_samples, np.zeros(symbols), grid)
        values = straight.mean(axis=1)
        scatter = float(np.sum(np.abs(straight - values[:, None]) ** 2, dtype=np.float64))
    return SteadyMean(values, symbols, scatter / (antennas * active * max(symbols - 1, 1)))


@acceleration.compiled
def _compiled(observations: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, float]:
    """The mean complex64 [antennas, active], and the sum of |x - mean|^2."""
    antennas, symbols, active = observations.shape
    half = active // 2
    turns = np.empty((symbols, active), np.complex64)
    for m in range(symbols):
        turn = complex(math.cos(steps[m]), math.sin(steps[m]))
        phasor = turn
        for k in range(half):  # subcarriers k + 1 and -(k + 1)
            turns[m, half + k] = phasor
            turns[m, half - 1 - k] = phasor.conjugate()
            phasor *= turn
    mean = np.zeros((antennas, active), np.complex64)
    scatter = 0.0
    for antenna in range(antennas):
        straight = observations[antenna] * turns
        for m in range(symbols):
            for k in range(active):
                mean[antenna, k] += straight[m, k]
        for k in range(active):
            mean[antenna, k] /= np.float32(symbols)
        for m in range(symbols):
            row = np.float32(0.0)
            for k in range(active):
                difference = straight[m, k] - mean[antenna, k]
                row += difference.real * difference.real + difference.imag * difference.imag
            scatter += float(row)
    return mean, scatter
