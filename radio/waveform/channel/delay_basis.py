"""The space of channels whose delays a cyclic prefix allows: everything outside it is noise."""

from functools import lru_cache

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig

SMALLEST_WEIGHT = 1e-2  # singular values below it, relative to the largest, are left out
MARGIN_SAMPLES = 2


@lru_cache(maxsize=8)
def delay_basis(config: WaveformConfig) -> np.ndarray:
    """complex64 [active, r]: orthonormal basis of the frequency responses of delays within the prefix."""
    grid = ResourceGrid(config)
    delays = np.arange(-MARGIN_SAMPLES, config.cp_samples + MARGIN_SAMPLES + 1)
    steps = grid.frequencies_hz / config.sample_rate_hz
    basis, weights, _ = np.linalg.svd(np.exp(-2j * np.pi * np.outer(steps, delays)), full_matrices=False)
    kept = basis[:, weights > SMALLEST_WEIGHT * weights[0]].astype(np.complex64)
    kept.setflags(write=False)
    return kept


@lru_cache(maxsize=8)
def conjugate_delay_basis(config: WaveformConfig) -> np.ndarray:
    """conj(delay_basis): complex64 [active, r]."""
    return np.conj(delay_basis(config))


@lru_cache(maxsize=8)
def transposed_delay_basis(config: WaveformConfig) -> np.ndarray:
    """delay_basis, transposed: complex64 [r, active]."""
    return np.ascontiguousarray(delay_basis(config).T)
