"""Channels longer than the cyclic prefix, against least squares, and in words."""

import numpy as np
import pytest

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.channel.beyond_prefix import beyond_prefix
from radio.waveform.channel.delay_profile import clusters, relative_frequencies
from radio.waveform.channel.estimation import estimate_channel, share_beyond_prefix
from radio.waveform.config import WaveformConfig
from tests.radio.waveform.propagation import noise


@pytest.mark.parametrize(("prefix", "spread", "share"), [(32, 10.0, 0.05), (16, 10.0, 0.26), (32, 2.0, 0.0)])
def test_a_long_channel_is_measured_as_well_as_least_squares_and_its_error_stated(prefix, spread, share):
    """1 us of delay spread at 10 Msamples/s is 10 samples. Beyond the prefix lies exp(-(prefix - 6) / spread)."""
    config, variance, delays = WaveformConfig(cp_samples=prefix), 1e-3, np.arange(0, 90, 0.7)
    f = ResourceGrid(config).frequencies_hz / config.sample_rate_hz
    powers = np.exp(-delays / spread) / np.exp(-delays / spread).sum()
    errors, stated, shares = [], [], []
    for trial in range(12):
        rng = np.random.default_rng(trial)
        amplitudes = np.sqrt(powers) * noise(rng, delays.size, 1.0)[0]
        channel = np.exp(-2j * np.pi * np.outer(f, delays + 6)) @ amplitudes
        measured = (channel + noise(rng, f.size, variance)).astype(np.complex64)
        values, variance_of_error = estimate_channel(measured, config, variance)
        errors.append(np.mean(np.abs(values[0] - channel) ** 2))
        stated.append(variance_of_error)
        shares.append(share_beyond_prefix(values, config))
    assert np.mean(errors) < 1.3 * variance
    assert 10 * np.log10(np.mean(stated) / np.mean(errors)) == pytest.approx(0, abs=3)
    assert np.mean(shares) == pytest.approx(share, abs=0.05)


def test_noise_that_was_judged_too_small_is_no_channel():
    config, found = WaveformConfig(), []
    for trial in range(20):
        found.append(beyond_prefix(noise(np.random.default_rng(trial), 200, 0.02), config, 0.01, 4.0))
    assert found.count(None) >= 19


@pytest.mark.parametrize(("fft_size", "prefix"), [(256, 32), (1024, 64)])
def test_clusters_are_the_largest_eigenvectors_of_their_correlation(fft_size, prefix):
    config = WaveformConfig(fft_size=fft_size, cp_samples=prefix, active_subcarriers=fft_size * 3 // 4)
    frequencies = relative_frequencies(config)
    for cluster in clusters(config)[2::2]:
        difference = frequencies[:, None] - frequencies
        correlation = 1 / (1 + 2j * np.pi * difference * cluster.spread_samples)
        left = correlation @ cluster.vectors - cluster.vectors * cluster.powers
        assert np.abs(left).max() < 1e-9 * cluster.powers[0]
        everything = float(np.sum(np.abs(correlation) ** 2))
        assert np.sum(cluster.powers**2) == pytest.approx(everything, rel=1e-9)
        assert cluster.powers[-1] > 1e-6 * cluster.powers[0] > 0
