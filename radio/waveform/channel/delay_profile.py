"""What a channel may look like before it is measured: clusters of paths that begin at a delay and die away.

A cluster with onset t0 and spread s (both in samples) has the power-delay profile exp(-(t - t0) / s) / s, t >= t0,
whose frequency correlation is (3GPP-style exponential profile; e.g. Proakis, "Digital Communications", 13.1)

    R(f1, f2) = exp(-j 2 pi (f1 - f2) t0) / (1 + j 2 pi (f1 - f2) s)

with frequencies in cycles per sample. A spread of 0 is one path. The eigenvectors depend on the spread alone: the
onset only turns their phases, so that one FFT per eigenvector correlates with every onset.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig

SMALLEST_SPREAD = 0.1  # samples; below it a cluster cannot be told from one path at lab SNRs
SPREAD_RATIO = 2.0
LARGEST_SPREAD_OF_PREFIX = 0.15
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
    difference = frequencies[:, None] - frequencies[None, :]
    values, vectors = np.linalg.eigh(1 / (1 + 2j * np.pi * difference * spread))
    kept = values > KEPT_EIGENVALUE * values[-1]
    if spread == 0:
        kept = np.arange(values.size) == values.size - 1
    vectors = vectors[:, kept][:, ::-1]
    conjugated = np.ascontiguousarray(vectors.conj().T, np.complex64)
    return Cluster(spread, vectors, np.ascontiguousarray(values[kept][::-1]), conjugated)
