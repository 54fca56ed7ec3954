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

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig

SMALLEST_SPREAD = 0.1  # samples; below it a cluster cannot be told from one path at lab SNRs
SPREAD_RATIO = 2.0
LARGEST_SPREAD_OF_PREFIX = 0.15
SPARE_DIMENSIONS = 24
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
    """One path first, then spreads growing by SPREAD_RATIO up to what the cyclic prefix holds."""
    frequencies = relative_frequencies(config)
    spreads, spread = [0.0], SMALLEST_SPREAD
    while spread <= LARGEST_SPREAD_OF_PREFIX * config.cp_samples:
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


def _largest(frequencies: np.ndarray, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of R, rising, and eigenvectors: at least all that are kept.

    By subspace iteration on random vectors (Halko, Martinsson and Tropp 2011): a cluster has few dimensions, and R
    depends on differences of frequency alone, so that transforms apply it.
    """
    step = float(frequencies[-1] / (frequencies.size // 2))
    places = np.round(frequencies / step).astype(int) + frequencies.size // 2
    size = 2 * (int(places[-1]) + 1)
    lags = np.fft.fftfreq(size, 1 / size) * step
    response = np.fft.fft(1 / (1 + 2j * np.pi * lags * spread))[:, None]

    def applied(columns: np.ndarray) -> np.ndarray:
        embedded = np.zeros((size, columns.shape[1]), complex)
        embedded[places] = columns
        return np.asarray(np.fft.ifft(np.fft.fft(embedded, axis=0) * response, axis=0)[places])

    width = float(frequencies[-1] - frequencies[0])
    count = min(frequencies.size, SPARE_DIMENSIONS + math.ceil(-1.5 * math.log(KEPT_EIGENVALUE) * spread * width))
    basis = np.random.default_rng(0).standard_normal((frequencies.size, count)) + 0j
    for _ in range(2):
        basis, _ = np.linalg.qr(applied(basis))
    values, vectors = np.linalg.eigh(basis.conj().T @ applied(basis))
    return values, basis @ vectors
