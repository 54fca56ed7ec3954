"""Shared by the tests of the air: band-limited test signals."""

import numpy as np
import pytest

from radio.samples import Samples


@pytest.fixture
def noise_like():
    """Complex Gaussian test samples, complex64 [n], of given power."""

    def make(n: int, seed: int = 0, power: float = 0.05) -> np.ndarray:
        rng = np.random.default_rng(seed)
        values = rng.standard_normal(n) + 1j * rng.standard_normal(n)
        return (values * np.sqrt(power / 2)).astype(np.complex64)

    return make


@pytest.fixture
def band_limited(noise_like):
    """Noise in the inner `share` of the band that fades in and out: complex64 [n]."""

    def make(n: int, share: float = 0.7, seed: int = 0) -> np.ndarray:
        spectrum = np.fft.fft(noise_like(n, seed) * np.hanning(n))
        spectrum[np.abs(np.fft.fftfreq(n)) > share / 2] = 0
        return np.fft.ifft(spectrum).astype(np.complex64)

    return make


@pytest.fixture
def burst():
    """Samples of one channel at 4 Msamples/s."""

    def make(x: np.ndarray, start_tick: int = 0) -> Samples:
        return Samples(x[np.newaxis], start_tick, 4e6)

    return make
