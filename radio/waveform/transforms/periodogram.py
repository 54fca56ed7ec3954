"""A finely sampled spectrum where only a few cells around zero are wanted."""

import math

import numpy as np
import scipy.fft

from radio import acceleration


def spectrum_near_zero(values: np.ndarray, size: int, count: int) -> np.ndarray:
    """X(c) = sum_m values(m) exp(-2 pi j c m / size) for c = -count .. count: complex128 [2 count + 1].

    values: complex128 [m], m <= size. Few cells cost less one by one than as an FFT of `size`.
    """
    if acceleration.NUMBA:
        return np.asarray(spectrum_compiled(values, size, count))
    return np.asarray(scipy.fft.fft(values, size)[np.arange(-count, count + 1)])


@acceleration.compiled
def spectrum_compiled(values: np.ndarray, size: int, count: int) -> np.ndarray:
    """`spectrum_near_zero`, for compiled callers."""
    cells = 2 * count + 1
    cosine, sine = np.empty(cells), np.empty(cells)  # of one value's step, per cell
    real, imag = np.ones(cells), np.zeros(cells)  # of the phase reached
    sums = np.zeros((2, cells))
    for i in range(cells):
        angle = -2 * math.pi * (i - count) / size
        cosine[i], sine[i] = math.cos(angle), math.sin(angle)
    for value in values:
        x, y = value.real, value.imag
        for i in range(cells):
            c, s = real[i], imag[i]
            sums[0, i] += x * c - y * s
            sums[1, i] += x * s + y * c
            real[i], imag[i] = c * cosine[i] - s * sine[i], c * sine[i] + s * cosine[i]
    return sums[0] + 1j * sums[1]


def peak(likelihood: np.ndarray) -> float:
    """Where the likelihood at -count .. count is largest, by a parabola through the neighbours."""
    i, count = int(np.argmax(likelihood)), likelihood.size // 2
    if not 0 < i < 2 * count:
        return float(i - count)
    before, top, after = likelihood[i - 1], likelihood[i], likelihood[i + 1]
    curve = before - 2 * top + after
    return float(i - count + (0.5 * (before - after) / curve if curve < 0 else 0.0))


peak_compiled = acceleration.compiled(peak)


def searched_cells(largest: float, size: int) -> int:
    """How many of the cells of a spectrum of `size` are searched on either side of zero."""
    return min(int(largest), (size - 1) // 2)


searched_cells_compiled = acceleration.compiled(searched_cells)
