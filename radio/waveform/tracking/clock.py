"""The offset of a transmitter's sample clock: it turns the upper half of the band against the lower, more every symbol.

With energy E in both halves the phase between them has Fisher information E / (2 noise_power) per symbol; the crystal
has a prior.
"""

import math

import numpy as np

from radio import acceleration
from radio.waveform.transforms.periodogram import (
    peak,
    peak_compiled,
    searched_cells,
    searched_cells_compiled,
    spectrum_compiled,
    spectrum_near_zero,
)

CLOCK_PRIOR_PPM = 20.0  # standard deviation expected of a crystal; keeps short bursts from inventing a drift
LARGEST_CLOCK_PPM = 60.0


def clock_of(
    lower: np.ndarray,
    upper: np.ndarray,
    energy: np.ndarray,
    separation_hz: float,
    reference: float,
    period_s: float,
    noise_power: float,
) -> float:
    """Most likely relative clock offset.

    lower, upper: complex128 [symbols], phasors of the band's halves; energy: float64 [symbols], 0 where nothing is
    known; separation_hz: of the halves; reference: symbol at which timing is right; noise_power: per element.
    """
    size = max(16 * energy.size, 4096)
    step = 1 / (size * period_s * separation_hz)
    count = searched_cells(LARGEST_CLOCK_PPM * 1e-6 / step, size)
    penalty = 0.5 * (step * 1e6 / CLOCK_PRIOR_PPM) ** 2 * max(noise_power, 1e-300)
    return step * _clock_cell(upper, lower, energy, reference, size, count, penalty)


@acceleration.compiled
def clock_compiled(
    lower: np.ndarray,
    upper: np.ndarray,
    energy: np.ndarray,
    separation_hz: float,
    reference: float,
    period_s: float,
    noise_power: float,
) -> float:
    """`clock_of`, for compiled callers."""
    size = max(16 * energy.size, 4096)
    step = 1 / (size * period_s * separation_hz)
    count = searched_cells_compiled(LARGEST_CLOCK_PPM * 1e-6 / step, size)
    penalty = 0.5 * (step * 1e6 / CLOCK_PRIOR_PPM) ** 2 * max(noise_power, 1e-300)
    return step * _clock_cell_compiled(upper, lower, energy, reference, size, count, penalty)


def _clock_cell(
    upper: np.ndarray, lower: np.ndarray, energy: np.ndarray, reference: float, size: int, count: int, penalty: float
) -> float:
    """The likeliest clock in steps, -count .. count; penalty: of one step, that of c steps is c^2 times it."""
    if np.count_nonzero(energy > 0) < 3:
        return 0.0
    weighted = upper * np.conj(lower) * (2 / np.where(energy > 0, energy, 1.0))
    cells = np.arange(-count, count + 1)
    turned = np.exp(2j * np.pi * reference / size * cells)
    return peak((spectrum_near_zero(weighted, size, count) * turned).real - penalty * cells**2)


@acceleration.compiled
def _clock_cell_compiled(
    upper: np.ndarray, lower: np.ndarray, energy: np.ndarray, reference: float, size: int, count: int, penalty: float
) -> float:
    weighted, known, last = np.zeros(energy.size, np.complex128), 0, 0
    for m in range(energy.size):
        if energy[m] > 0:
            known, last = known + 1, m + 1
            weighted[m] = upper[m] * lower[m].conjugate() * (2 / energy[m])
    if known < 3:
        return 0.0
    spectrum = spectrum_compiled(weighted[:last], size, count)
    values = np.empty(spectrum.size)
    for i in range(values.size):
        angle = 2 * math.pi * reference / size * (i - count)
        values[i] = spectrum[i].real * math.cos(angle) - spectrum[i].imag * math.sin(angle) - penalty * (i - count) ** 2
    return peak_compiled(values)
