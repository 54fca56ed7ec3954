"""Fractional delay and clock skew against exact band-limited interpolation."""

import numpy as np
import pytest

from radio.air.config import AirConfig, LinkConfig
from radio.air.filters.delay import composite_taps, windowed_sinc
from radio.air.medium import Medium


def received(config, samples, n):
    medium = Medium(config)
    medium.add_burst(0, samples)
    return medium.render(0, n)[0]


def error_db(found, expected):
    return 10 * np.log10(np.sum(np.abs(found - expected) ** 2) / np.sum(np.abs(expected) ** 2))


def at_positions(x, positions):
    """x as a trigonometric polynomial, read at any position: float64 [m] to complex128 [m]."""
    frequency = np.fft.fftfreq(x.size)
    return np.exp(2j * np.pi * np.outer(positions, frequency)) @ np.fft.fft(x) / x.size


@pytest.mark.parametrize("delay", [0.25, 0.5, 3.9, 17.123])
def test_delay_is_a_phase_ramp(each_backend, band_limited, burst, delay):
    x = band_limited(2048)
    config = AirConfig.ideal(links=(LinkConfig(delay_samples=delay),))
    ramp = np.exp(-2j * np.pi * np.fft.fftfreq(4096) * delay)
    expected = np.fft.ifft(np.fft.fft(x, 4096) * ramp)[:2100]
    assert error_db(received(config, burst(x), 2100), expected) < -75


def test_whole_delays_keep_every_bit(noise_like, burst):
    x = noise_like(500)
    got = received(AirConfig.ideal(links=(LinkConfig(delay_samples=7.0),)), burst(x), 507)
    assert got.tobytes() == np.concatenate([np.zeros(7, np.complex64), x]).tobytes()


@pytest.mark.parametrize("ppm", [4.0, -40.0, 300.0])
def test_clock_skew_reads_the_burst_faster(each_backend, band_limited, burst, ppm):
    x = band_limited(2048)
    config = AirConfig.ideal(
        tx_ppm=(ppm,), rx_ppm=0.0, center_frequency_hz=1e-3, links=(LinkConfig(delay_samples=2.5),)
    )
    expected = at_positions(x, np.arange(2048) * (1 + ppm * 1e-6) - 2.5)
    assert error_db(received(config, burst(x), 2048), expected) < -60


def test_nothing_arrives_before_it_is_sent(noise_like, burst):
    config = AirConfig.ideal(links=(LinkConfig(delay_samples=0.5),))
    medium = Medium(config)
    medium.add_burst(0, burst(noise_like(100), 1000))
    assert not medium.render(0, 1000).any() and medium.render(1000, 10).any()


def test_interpolation_error_over_the_band():
    for share, limit_db in ((0.8, -76), (0.85, -57)):
        worst = 0.0
        for offset in np.linspace(0, 1, 11):
            taps = windowed_sinc(offset - np.arange(-16, 18))
            frequency = np.linspace(-share / 2, share / 2, 101)
            response = np.exp(2j * np.pi * np.outer(frequency, np.arange(-16, 18))) @ taps
            worst = max(worst, np.abs(response - np.exp(2j * np.pi * frequency * offset)).max())
        assert 20 * np.log10(worst) < limit_db


def test_composite_taps_are_the_sum_of_paths(each_backend):
    positions = np.array([[18.3, 20.9], [17.0, 25.25]])
    gains = np.array([[1 + 1j, -0.5], [0.25j, 2]])
    expected = sum(gains[:, i : i + 1] * windowed_sinc(positions[:, i : i + 1] - np.arange(44)) for i in (0, 1))
    assert composite_taps(positions, gains, 44) == pytest.approx(expected, abs=1e-12)
