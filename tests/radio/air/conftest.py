"""Shared by the tests of the air: band-limited test signals, running servers and attached radios."""

import numpy as np
import pytest

from radio.air.config import AirConfig
from radio.air.serving.server import AirServer
from radio.device import RadioSettings
from radio.safety.open import open_radio
from radio.samples import Samples

SETTINGS = RadioSettings(4e6, 2.45e9)


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


@pytest.fixture
def start():
    """start(config, **options) -> running server; stops all at the end."""
    servers = []

    def make(config: AirConfig, **options) -> AirServer:
        server = AirServer(config, "tcp://127.0.0.1:*", **options)
        servers.append((server, server.serve_in_thread()))
        return server

    yield make
    for server, thread in servers:
        server.close()
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture
def attach():
    """attach(server, role, index) -> configured radio; closes all at the end."""
    radios = []

    def make(server: AirServer, role: str, index: int = 0, **options):
        radio = open_radio(f"sim:{server.endpoint}", role=role, index=index, **options)
        radios.append(radio)
        radio.configure(SETTINGS)
        return radio

    yield make
    for radio in radios:
        radio.close()
        radio.close()
