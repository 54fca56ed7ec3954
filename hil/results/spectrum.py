"""The power spectrum that reports and live pages show."""

import numpy as np
import scipy.fft


def power_spectrum(samples: np.ndarray, bins: int) -> np.ndarray:
    """Welch's averaged power per bin of complex samples [n], n >= bins: float [bins], frequency 0 first.

    Hann window, half overlapping, no detrending, scaled so that a tone shows its power: what ``scipy.signal.welch``
    gives with scaling "spectrum", which takes a Python call for each segment.
    """
    turns = np.arange(bins) / bins
    window = (0.5 - 0.5 * np.cos(2 * np.pi * turns) if bins > 1 else np.ones(1)).astype(np.float32)
    segments = np.lib.stride_tricks.sliding_window_view(samples, bins)[:: max(1, bins - bins // 2)]
    transformed = scipy.fft.fft(segments * window, axis=-1)
    power = np.mean(transformed.real**2 + transformed.imag**2, axis=0, dtype=np.float64)
    return np.asarray(power / window.sum(dtype=np.float64) ** 2)
