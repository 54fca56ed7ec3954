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
    n, rate = grid.config.fft_size, grid.config.sample_rate_hz
    within = np.exp(-2j * np.pi * (cfo_hz / rate) * np.arange(n)).astype(np.complex64)
    views = np.lib.stride_tricks.sliding_window_view(samples, n, axis=1)
    windows = views[:, starts] * within
    turns = (cfo_hz / rate) * (starts - origin)
    phases = np.exp(-2j * np.pi * (turns - np.round(turns))).astype(np.complex64)
    return to_bins(windows)[:, :, grid.bins] * phases[None, :, None]
