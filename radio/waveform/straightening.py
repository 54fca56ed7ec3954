"""Undoing the phase and timing that were tracked, and combining the antennas, in one pass over the elements.

z(m, f) = exp(j (2 pi f delay_m / N - phase_m)) sum_antennas conj(w(f)) y(m, f), f: subcarrier number, 0 at the carrier
"""

import math

import numpy as np

from radio import acceleration
from radio.waveform.grid import ResourceGrid

RAMP_STEP = 16  # subcarriers; a ramp is a coarse one times a fine one, which spares most of the exponentials


def ramps(delay_samples: np.ndarray, phase_rad: np.ndarray, grid: ResourceGrid) -> np.ndarray:
    """exp(j (2 pi f delay / N - phase)) for every symbol and subcarrier: complex64 [symbols, active]."""
    half = grid.config.active_subcarriers // 2
    step = 2 * np.pi * delay_samples[:, None] / grid.config.fft_size
    coarse = np.exp(1j * (step * np.arange(-half, half + 1, RAMP_STEP) - phase_rad[:, None])).astype(np.complex64)
    fine = np.exp(1j * step * np.arange(RAMP_STEP)).astype(np.complex64)
    whole = (coarse[:, :, None] * fine[:, None]).reshape(len(step), -1)
    return np.concatenate([whole[:, :half], whole[:, half + 1 : 2 * half + 1]], axis=1)


def straighten(
    received: np.ndarray, weights: np.ndarray, delay_samples: np.ndarray, phase_rad: np.ndarray, grid: ResourceGrid
) -> np.ndarray:
    """z complex64 [symbols, active] from complex64 received [antennas, symbols, active], weights [antennas, active].

    delay_samples, phase_rad: float [symbols].
    """
    if acceleration.NUMBA:
        step = 2 * np.pi / grid.config.fft_size * delay_samples
        return np.asarray(_straightened(received, weights, step, phase_rad))
    combined = np.sum(np.conj(weights)[:, None] * received, axis=0)
    return np.asarray(combined * ramps(delay_samples, phase_rad, grid), np.complex64)


@acceleration.compiled
def _straightened(received: np.ndarray, weights: np.ndarray, steps: np.ndarray, phases: np.ndarray) -> np.ndarray:
    antennas, symbols, active = received.shape
    half = active // 2
    out = np.empty((symbols, active), np.complex64)
    cosines, sines = np.empty(RAMP_STEP, np.float32), np.empty(RAMP_STEP, np.float32)
    for m in range(symbols):
        step = complex(math.cos(steps[m]), math.sin(steps[m]))
        turn = complex(1.0, 0.0)
        for i in range(RAMP_STEP):
            cosines[i], sines[i] = turn.real, turn.imag
            turn *= step
        for side in range(2):  # the subcarriers from -half and those from 1
            angle = steps[m] * (side - half * (1 - side)) - phases[m]
            coarse = complex(math.cos(angle), math.sin(angle))
            for first in range(side * half, (side + 1) * half, RAMP_STEP):
                c, s = np.float32(coarse.real), np.float32(coarse.imag)
                last = min(first + RAMP_STEP, (side + 1) * half)
                for antenna in range(antennas):
                    y, w = received[antenna, m, first:last], weights[antenna, first:last]
                    z = out[m, first:last]
                    for i in range(last - first):
                        a, b = c * cosines[i] - s * sines[i], c * sines[i] + s * cosines[i]
                        u = w[i].real * a + w[i].imag * b
                        v = w[i].real * b - w[i].imag * a
                        turned = complex(y[i].real * u - y[i].imag * v, y[i].real * v + y[i].imag * u)
                        z[i] = turned if antenna == 0 else z[i] + turned
                coarse *= turn
    return out
