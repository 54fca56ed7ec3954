"""Fourier transforms of many rows at once: by FFTW where pyfftw is installed, three times faster, and else by scipy.

FFTW wants aligned memory and a plan for every shape, so both are kept: a caller writes into what is kept and reads from
it before the next transform of the same shape. Each thread has its own.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft

from radio import acceleration

KEPT_SHAPES = 64
LARGEST_KEPT = 1 << 20  # values; longer bursts are rare and their memory is given back
_here = threading.local()


@dataclass(frozen=True)
class Transform:
    """source: complex64 [rows, size], to be written; run: transforms it (not scaled) into complex64 [rows, size]."""

    source: np.ndarray
    run: Callable[[], np.ndarray]


def transform(rows: int, size: int, inverse: bool = False) -> Transform:
    """The transform of every row: X(k) = sum_n x(n) exp(-2 pi j k n / size), or + for the inverse."""
    if rows * size > LARGEST_KEPT:
        return _made(rows, size, inverse, acceleration.FFTW)
    if not hasattr(_here, "kept"):
        _here.kept = lru_cache(maxsize=KEPT_SHAPES)(_made)
    kept: Transform = _here.kept(rows, size, inverse, acceleration.FFTW)
    return kept


def _made(rows: int, size: int, inverse: bool, fftw: bool) -> Transform:
    if not fftw:
        source = np.zeros((rows, size), np.complex64)
        if inverse:
            return Transform(source, lambda: scipy.fft.ifft(source, axis=1, norm="forward"))
        return Transform(source, lambda: scipy.fft.fft(source, axis=1))
    source, out = (acceleration.pyfftw.zeros_aligned((rows, size), np.complex64) for _ in range(2))
    direction = "FFTW_BACKWARD" if inverse else "FFTW_FORWARD"
    # Measuring plans would be a tenth faster and take up to 0.1 s for every new shape.
    plan = acceleration.pyfftw.FFTW(source, out, axes=(1,), direction=direction, flags=("FFTW_ESTIMATE",))

    def run() -> np.ndarray:
        plan.execute()
        return out

    return Transform(source, run)


def place_subcarriers(rows: np.ndarray, bins: np.ndarray) -> None:
    """Rows complex64 [n, active], lowest frequency first, into FFT bins complex64 [n, size]; the others become zero."""
    half = rows.shape[1] // 2
    bins[:, 0], bins[:, half + 1 : bins.shape[1] - half] = 0, 0
    bins[:, bins.shape[1] - half :], bins[:, 1 : half + 1] = rows[:, :half], rows[:, half:]


def add_powers(found: np.ndarray, first: int, total: np.ndarray) -> None:
    """Add |found|^2 of complex64 [rows, size] from place `first` on (below 0: at the end) to float32 [rows, n]."""
    if acceleration.NUMBA:
        _add_powers_compiled(found, first, total)
        return
    kept = found[:, np.arange(first, first + total.shape[1]) % found.shape[1]]
    total += kept.real**2 + kept.imag**2


@acceleration.compiled
def _add_powers_compiled(found: np.ndarray, first: int, total: np.ndarray) -> None:
    before = max(0, -first)
    for r in range(total.shape[0]):
        last, row, sums = found[r, found.shape[1] - before :], found[r, first + before :], total[r]
        for i in range(before):
            sums[i] += last[i].real * last[i].real + last[i].imag * last[i].imag
        for i in range(sums.size - before):
            sums[before + i] += row[i].real * row[i].real + row[i].imag * row[i].imag
