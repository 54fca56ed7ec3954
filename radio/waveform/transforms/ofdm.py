"""Subcarriers to samples, with a unitary transform: power per subcarrier is power per bin."""

import numpy as np
import scipy.fft


def to_time(bins: np.ndarray, cp_samples: int) -> np.ndarray:
    """complex64 [symbols, fft_size] in FFT order -> complex64 [symbols * (cp_samples + fft_size)]."""
    symbols = scipy.fft.ifft(bins, axis=-1, norm="ortho")
    with_prefix = np.concatenate([symbols[:, symbols.shape[1] - cp_samples :], symbols], axis=1)
    return with_prefix.astype(np.complex64, copy=False).reshape(-1)
