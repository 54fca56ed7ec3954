"""The space of channels whose delays a cyclic prefix allows: everything outside it is noise."""

from functools import lru_cache

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig

SMALLEST_WEIGHT = 1e-2  # singular values below it, relative to the largest, are left out
MARGIN_SAMPLES = 2


@lru_cache(maxsize=8)
def delay_basis(config: WaveformConfig) -> np.ndarray:
    """complex64 [active, r]: orthonormal basis of the frequency responses of delays within the prefix.

    About the middle of the delays, responses of frequencies f and -f are sums and differences of cosines and sines,
    which are orthogonal and real.
    """
    if config.cp_samples + 2 * MARGIN_SAMPLES + 1 >= config.fft_size:  # of all delays that there are
        return np.eye(config.active_subcarriers, dtype=np.complex64)
    grid, half = ResourceGrid(config), config.active_subcarriers // 2
    frequencies, middle = grid.frequencies_hz / config.sample_rate_hz, config.cp_samples / 2
    upper, delays = frequencies[half:], np.arange(config.cp_samples % 2 / 2, middle + MARGIN_SAMPLES + 1)
    turns = 2 * np.pi * np.outer(upper, delays)
    cosines, sines = np.cos(turns), np.sin(turns)
    cosines[:, delays == 0] /= np.sqrt(2)
    (even, above, _), (odd, below, _) = (np.linalg.svd(part, full_matrices=False) for part in (cosines, sines))
    largest = max(above[0], below[0])
    even, odd = even[:, above > SMALLEST_WEIGHT * largest], odd[:, below > SMALLEST_WEIGHT * largest]
    both = np.concatenate([np.hstack([even[::-1], -odd[::-1]]), np.hstack([even, odd])]) / np.sqrt(2)
    kept = (both * np.exp(-2j * np.pi * frequencies * middle)[:, None]).astype(np.complex64)
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
