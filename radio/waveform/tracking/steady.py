"""What many known symbols say together: their mean, once the clock's drift is undone, and the noise between them."""

import math
from dataclasses import dataclass

import numpy as np

from radio import acceleration
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.tracking.straightening import ramps


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


def neighbour_noise(observations: np.ndarray, near: np.ndarray) -> float:
    """Noise power of one symbol's values from what differs between neighbours in time, whatever moves slowly.

    observations: complex64 [antennas, m, active]; near: bool [m - 1], whether symbol m and the next are neighbours. The
    mean of half the squared difference (von Neumann 1941); 0 without neighbours.
    """
    if acceleration.NUMBA:
        return float(_neighbour_noise_compiled(observations, near))
    steps = observations[:, 1:][:, near] - observations[:, :-1][:, near]
    return float(np.sum(steps.real**2 + steps.imag**2, dtype=np.float64) / (2 * max(steps.size, 1)))


@acceleration.compiled
def _neighbour_noise_compiled(observations: np.ndarray, near: np.ndarray) -> float:
    total, count = 0.0, 0
    for antenna in range(observations.shape[0]):
        for m in range(near.size):
            if near[m]:
                before, after = observations[antenna, m], observations[antenna, m + 1]
                power = np.float32(0.0)
                for k in range(before.size):
                    step = after[k] - before[k]
                    power += step.real * step.real + step.imag * step.imag
                total, count = total + float(power), count + before.size
    return total / (2 * max(count, 1))


@acceleration.compiled
def _compiled(observations: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, float]:
    """The mean complex64 [antennas, active], and the sum of |x - mean|^2."""
    antennas, symbols, active = observations.shape
    mean, scatter = np.zeros((antennas, active), np.complex64), 0.0
    drifts = False
    for m in range(symbols):
        drifts |= steps[m] != 0
    turns = _turns(steps, active) if drifts else np.empty((0, active), np.complex64)
    straight = np.empty((symbols, active), np.complex64)
    for antenna in range(antennas):
        row = mean[antenna]
        for m in range(symbols):
            seen, out = observations[antenna, m], straight[m]
            if drifts:
                turn = turns[m]
                for k in range(active):
                    a, b, c, s = seen[k].real, seen[k].imag, turn[k].real, turn[k].imag
                    out[k] = complex(a * c - b * s, a * s + b * c)
            else:
                out[:] = seen
            for k in range(active):
                row[k] += out[k]
        for k in range(active):
            row[k] /= np.float32(symbols)
        for m in range(symbols):
            out, left = straight[m], np.float32(0.0)
            for k in range(active):
                difference = out[k] - row[k]
                left += difference.real * difference.real + difference.imag * difference.imag
            scatter += float(left)
    return mean, scatter


@acceleration.compiled
def _turns(steps: np.ndarray, active: int) -> np.ndarray:
    """exp(j f steps[m]): complex64 [symbols, active]; all symbols' chains of products run side by side."""
    symbols, half = steps.size, active // 2
    turns = np.empty((symbols, active), np.complex64)
    turn, phasor = np.empty(symbols, np.complex128), np.empty(symbols, np.complex128)
    for m in range(symbols):
        turn[m] = phasor[m] = complex(math.cos(steps[m]), math.sin(steps[m]))
    for k in range(half):  # subcarriers k + 1 and -(k + 1)
        for m in range(symbols):
            turns[m, half + k] = phasor[m]
            turns[m, half - 1 - k] = phasor[m].conjugate()
            a, b, c, s = phasor[m].real, phasor[m].imag, turn[m].real, turn[m].imag
            phasor[m] = complex(a * c - b * s, a * s + b * c)
    return turns
