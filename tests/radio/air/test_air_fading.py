"""Fading against Rayleigh, Rice and Clarke."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import j0

from radio.air.channel import Channel
from radio.air.config import AirConfig


def block_gains(config, n, user=0):
    channel = Channel(config, user)
    size = config.block_samples
    return np.array([channel.gains(b * size, np.array([b * size]), size)[0, :, 0] for b in range(n)])


def test_rayleigh_amplitudes_and_phases():
    h = block_gains(AirConfig(channel="rayleigh"), 4000)[:, 0]
    assert stats.kstest(np.abs(h), stats.rayleigh(scale=np.sqrt(0.5)).cdf).pvalue > 1e-3
    assert stats.kstest(np.angle(h), stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3
    assert abs(np.vdot(h[:-1], h[1:])) / 4000 < 5 / np.sqrt(4000)  # blocks are independent


def test_rician_amplitudes():
    k = 10 ** (6 / 10)
    h = block_gains(AirConfig(channel="rician", k_factor_db=6), 4000)[:, 0]
    rice = stats.rice(b=np.sqrt(2 * k), scale=np.sqrt(1 / (2 * (k + 1))))
    assert stats.kstest(np.abs(h), rice.cdf).pvalue > 1e-3


def test_users_and_antennas_fade_apart():
    config = AirConfig(channel="rayleigh", rx_antennas=2)
    gains = np.array(
        [[Channel(config, u).gains(b * 65536, np.zeros(1), 65536)[:, 0, 0] for u in (0, 1)] for b in range(1000)]
    ).reshape(1000, 4)
    correlation = np.abs(gains.conj().T @ gains / 1000)
    assert np.abs(correlation - np.eye(4)).max() < 0.17


def test_a_block_is_constant_and_does_not_depend_on_what_was_asked_before():
    config = AirConfig(channel="rayleigh", block_samples=1000)
    first, second = Channel(config, 0), Channel(config, 0)
    first.gains(0, np.zeros(1), 1000)
    ticks = np.array([5000, 5999, 7000])  # a burst keeps the block that it starts in
    a, b = first.gains(5100, ticks, 1000), second.gains(5900, ticks, 1000)
    assert np.array_equal(a, b) and np.ptp(np.abs(a)) == 0
    assert not np.array_equal(a, second.gains(6000, ticks, 1000))


def test_doppler_autocorrelation_is_a_bessel_function():
    doppler_hz, rate = 100.0, 4e6
    config = AirConfig(channel="rayleigh", coherence="doppler", doppler_hz=doppler_hz, sample_rate_hz=rate)
    ticks = np.arange(20_000) * int(rate / 5000)  # 4 s in steps of 0.2 ms
    lags = np.array([0, 5, 10, 20, 30])
    found = np.zeros(lags.size, complex)
    for user in range(8):
        h = Channel(config, user).gains(0, ticks, 1)[0, 0]
        found += [np.vdot(h[: h.size - lag], h[lag:]) / (h.size - lag) / 8 for lag in lags]
    assert np.abs(found - j0(2 * np.pi * doppler_hz * lags / 5000)).max() < 0.05


def test_doppler_amplitudes_are_nearly_rayleigh():
    config = AirConfig(channel="rayleigh", coherence="doppler", doppler_hz=50.0)
    h = np.array([Channel(config, user).gains(0, np.arange(4) * 10**6, 1)[0, 0] for user in range(250)]).ravel()
    assert stats.kstest(np.abs(h), stats.rayleigh(scale=np.sqrt(0.5)).cdf).pvalue > 1e-3


def test_awgn_has_unit_gain_and_a_random_phase_per_burst():
    config = AirConfig()
    channel = Channel(config, 0)
    assert np.array_equal(channel.gains(0, np.zeros(3), 1), np.ones((1, 1, 3)))
    phases = np.array([channel.carrier_phase_rad(1000 * b) for b in range(2000)])
    assert stats.kstest(phases, stats.uniform(0, 2 * np.pi).cdf).pvalue > 1e-3
    assert Channel(AirConfig(random_phase=False), 0).carrier_phase_rad(0) == 0.0


def test_zero_doppler_stands_still():
    config = AirConfig(channel="rayleigh", coherence="doppler", doppler_hz=0.0)
    channel = Channel(config, 0)
    h = channel.gains(0, np.array([0, 10**7]), 1)[0, 0]
    assert h[0] == pytest.approx(h[1]) and not channel.moves
