"""What a channel may look like before it is measured: clusters of paths that begin at a delay and die away.

A cluster with onset t0 and spread s (both in samples) has the power-delay profile exp(-(t - t0) / s) / s, t >= t0,
whose frequency correlation is (3GPP-style exponential profile; e.g. Proakis, "Digital Communications", 13.1)

    R(f1, f2) = exp(-j 2 pi (f1 - f2) t0) / (1 + j 2 pi (f1 - f2) s)

with frequencies in cycles per sample. A spread of 0 is one path. The eigenvectors depend on the spread alone: the
onset only turns their phases, so that one FFT per eigenvector correlates with every onset.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig

SMALLEST_SPREAD = 0.1  # samples; below it a cluster cannot be told from one path at lab SNRs
SPREAD_RATIO = 2.0
LARGEST_SPREAD_OF_PREFIX = 0.15
SPARE_DIMENSIONS = 24
MOST_DIMENSIONS = 1024  # of a cluster; 50 samples of spread over a whole band have about as many
KEPT_EIGENVALUE = 1e-6  # relative to the largest


@dataclass(frozen=True)
class Cluster:
    """spread_samples; vectors: complex128 [active, rank], orthonormal, for onset 0; powers: [rank], sum `active`, which
    fall; conjugated: complex64 [rank, active], conj(vectors) transposed."""

    spread_samples: float
    vectors: np.ndarray
    powers: np.ndarray
    conjugated: np.ndarray


@lru_cache(maxsize=8)
def clusters(config: WaveformConfig) -> tuple[Cluster, ...]:
    """One path first, then spreads growing by SPREAD_RATIO up to what the cyclic prefix and MOST_DIMENSIONS hold."""
    frequencies = relative_frequencies(config)
    width = float(frequencies[-1] - frequencies[0])
    spreads, spread = [0.0], SMALLEST_SPREAD
    while spread <= LARGEST_SPREAD_OF_PREFIX * config.cp_samples and _dimensions(spread, width) <= MOST_DIMENSIONS:
        spreads.append(spread)
        spread *= SPREAD_RATIO
    return tuple(_cluster(frequencies, spread) for spread in spreads)


@lru_cache(maxsize=8)
def relative_frequencies(config: WaveformConfig) -> np.ndarray:
    """float64 [active], cycles per sample."""
    return np.asarray(ResourceGrid(config).frequencies_hz / config.sample_rate_hz)


def _cluster(frequencies: np.ndarray, spread: float) -> Cluster:
    if spread == 0:
        values, vectors = (
            np.array([float(frequencies.size)]),
            np.full((frequencies.size, 1), frequencies.size**-0.5 + 0j),
        )
    else:
        values, vectors = _largest(frequencies, spread)
    kept = values > KEPT_EIGENVALUE * values[-1]
    vectors = vectors[:, kept][:, ::-1]
    conjugated = np.ascontiguousarray(vectors.conj().T, np.complex64)
    return Cluster(spread, vectors, np.ascontiguousarray(values[kept][::-1]), conjugated)


def _dimensions(spread: float, width: float) -> int:
    """At least as many as a cluster's eigenvalues that are kept; width: of the band, cycles per sample."""
    return SPARE_DIMENSIONS + math.ceil(-1.5 * math.log(KEPT_EIGENVALUE) * spread * width)


def _largest(frequencies: np.ndarray, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of R, rising, and eigenvectors: at least all that are kept.

    By subspace iteration on random vectors (Halko, Martinsson and Tropp 2011): a cluster has few dimensions, and R
    depends on differences of frequency alone, so that transforms apply it. As the frequencies are symmetric, R takes
    vectors with v(-f) = conj(v(f)) to such vectors: in their real and imaginary parts at f > 0 it is a real matrix, and
    the transforms are those of real sequences.
    """
    half = frequencies.size // 2
    step = float(frequencies[-1] / half)
    size = scipy.fft.next_fast_len(4 * half + 2, real=True)
    lags = np.arange(size // 2 + 1) * step
    response = scipy.fft.hfft(1 / (1 + 2j * np.pi * lags * spread), size)

    def applied(rows: np.ndarray) -> np.ndarray:
        upper = np.zeros((len(rows), half + 1), complex)  # from f = 0 on, which carries nothing
        upper.real[:, 1:], upper.imag[:, 1:] = rows[:, :half], rows[:, half:]
        seen = scipy.fft.ihfft(scipy.fft.hfft(upper, size, axis=1) * response, axis=1)[:, 1 : half + 1]
        return np.concatenate([seen.real, seen.imag], axis=1)

    count = min(frequencies.size, _dimensions(spread, float(frequencies[-1] - frequencies[0])))
    basis = np.random.default_rng(0).standard_normal((count, frequencies.size))
    for _ in range(2):
        basis = np.linalg.qr(applied(basis).T)[0].T
    values, mixed = np.linalg.eigh(basis @ applied(basis).T)
    vectors = (basis.T @ mixed) / np.sqrt(2)
    upper = vectors[:half] + 1j * vectors[half:]
    return values, np.concatenate([upper[::-1].conj(), upper])
