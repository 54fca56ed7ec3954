"""Cutting FFT windows out of a stream and undoing one user's carrier offset on the way."""

import numpy as np

from radio.waveform.grid import ResourceGrid
from radio.waveform.ofdm import to_bins


def backoff_samples(grid: ResourceGrid) -> int:
    """How far before the strongest path FFT windows start, so that earlier paths stay inside the prefix."""
    return grid.config.cp_samples // 4


def symbol_bins(
    samples: np.ndarray, grid: ResourceGrid, starts: np.ndarray, cfo_hz: float, origin: float
) -> np.ndarray:
    """Active subcarriers of symbols whose windows start at `starts`: complex64 [antennas, len(starts), active].

    samples: complex64 [antennas, n]; starts: int [m], all windows inside the samples. The carrier offset is undone
    with phase zero at sample `origin`: within a window by rotation, from window to window on the bins.
    """
    n, rate, half = grid.config.fft_size, grid.config.sample_rate_hz, grid.config.active_subcarriers // 2
    within = np.exp(-2j * np.pi * (cfo_hz / rate) * np.arange(n)).astype(np.complex64)
    strides = (*samples.strides, samples.strides[1])
    shape = (len(samples), samples.shape[1] - n + 1, n)
    windows = np.lib.stride_tricks.as_strided(samples, shape, strides, writeable=False)[:, starts] * within
    turns = (cfo_hz / rate) * (starts - origin)
    phases = np.exp(-2j * np.pi * (turns - np.round(turns))).astype(np.complex64)[:, None]
    bins = to_bins(windows)
    active = np.empty((*bins.shape[:2], 2 * half), np.complex64)
    np.multiply(bins[..., n - half :], phases, out=active[..., :half])
    np.multiply(bins[..., 1 : half + 1], phases, out=active[..., half:])
    return active
