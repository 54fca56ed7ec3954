"""One crystal for carrier and clock; rotation against the exponential."""

import numpy as np
import pytest

from radio.air.config import AirConfig
from radio.air.oscillator import carrier_offset_hz, clock_skew, receiver_ppm, rotate, transmitter_ppm
from radio.air.phase_noise import CoarsePhase


def test_one_oscillator_drives_both():
    config = AirConfig(tx_ppm=(3.0, -1.0), rx_ppm=1.0)
    assert carrier_offset_hz(config, 0) == pytest.approx(2.45e9 * 2e-6)
    assert carrier_offset_hz(config, 1) == pytest.approx(-2.45e9 * 2e-6)
    assert clock_skew(config, 0) == pytest.approx(2e-6, rel=1e-5)


def test_drawn_offsets_fill_the_range_and_follow_the_seed():
    drawn = np.array([transmitter_ppm(AirConfig(seed=seed, clock_ppm=20), 0) for seed in range(300)])
    assert (
        np.abs(drawn).max() <= 20 and abs(drawn.mean()) < 3 and drawn.std() == pytest.approx(20 / np.sqrt(3), rel=0.1)
    )
    config = AirConfig(seed=3)
    assert len({transmitter_ppm(config, 0), transmitter_ppm(config, 1), receiver_ppm(config)}) == 3
    assert transmitter_ppm(config, 1) == transmitter_ppm(AirConfig(seed=3), 1)
    assert transmitter_ppm(AirConfig(tx_ppm=(1.0,)), 1) != 1.0  # users beyond the list are drawn


@pytest.mark.parametrize("n", [1, 255, 256, 257, 100_001])
def test_rotation_is_exact(each_backend, noise_like, n):
    x = noise_like(n)
    y = x.copy()
    cycles = 4900 / 4e6
    rotate(y, cycles, None, 0.5j)
    expected = 0.5j * x * np.exp(2j * np.pi * cycles * np.arange(n))
    assert np.abs(y - expected).max() < 1e-6


@pytest.mark.parametrize("size", [0.01, 1.5])
def test_rotation_by_phase_noise(each_backend, noise_like, size):
    x = noise_like(1000)
    values = np.random.default_rng(1).uniform(-size, size, 130).astype(np.float32)
    phase = CoarsePhase(values, 8, 5)
    y = x.copy()
    rotate(y, -0.01, phase)
    angle = np.interp(np.arange(1000) + 5, 8 * np.arange(130), values)
    assert np.abs(y - x * np.exp(1j * (angle - 2 * np.pi * 0.01 * np.arange(1000)))).max() < 1e-6


def test_off_is_identity(noise_like):
    x = noise_like(100)
    y = x.copy()
    rotate(y, 0.0, None, 1.0)
    assert x.tobytes() == y.tobytes()
