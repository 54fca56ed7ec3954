"""Priors and bases of long prefixes and large transforms against dense decompositions."""

import numpy as np
import pytest

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.channel import delay_profile
from radio.waveform.channel.delay_basis import delay_basis
from radio.waveform.channel.delay_profile import clusters, relative_frequencies
from radio.waveform.config import WaveformConfig

ODD = WaveformConfig(fft_size=512, active_subcarriers=300, cp_samples=77)


@pytest.mark.parametrize("config", [WaveformConfig(), ODD, WaveformConfig(cp_samples=256)])
def test_the_basis_spans_the_responses_of_every_delay_within_the_prefix(config):
    basis, frequencies = delay_basis(config), ResourceGrid(config).frequencies_hz / config.sample_rate_hz
    np.testing.assert_allclose(basis.conj().T @ basis, np.eye(basis.shape[1]), atol=2e-6)
    delays = np.arange(-2, config.cp_samples + 3)
    vectors, sizes, _ = np.linalg.svd(np.exp(-2j * np.pi * np.outer(frequencies, delays)), full_matrices=False)
    kept = vectors[:, sizes > 1e-2 * sizes[0]]
    assert basis.shape[1] == kept.shape[1]
    np.testing.assert_allclose(basis @ basis.conj().T, kept @ kept.conj().T, atol=1e-5)


@pytest.mark.parametrize("config", [WaveformConfig(), ODD])
def test_clusters_are_the_eigenvectors_of_their_correlation(config):
    f = relative_frequencies(config)
    for cluster in clusters(config)[1:]:
        correlation = 1 / (1 + 2j * np.pi * np.subtract.outer(f, f) * cluster.spread_samples)
        values = np.linalg.eigvalsh(correlation)[::-1]
        np.testing.assert_allclose(cluster.powers, values[: cluster.powers.size], rtol=1e-4)
        assert values[cluster.powers.size] < 1.001e-6 * values[0]
        made = (cluster.vectors * cluster.powers) @ cluster.vectors.conj().T
        np.testing.assert_allclose(made, correlation, atol=2e-4)


def test_the_widest_cluster_of_a_long_prefix_stays_manageable(monkeypatch):
    monkeypatch.setattr(delay_profile, "MOST_DIMENSIONS", 100)
    made = clusters(WaveformConfig(cp_samples=200, pilots_per_user=3))
    assert 30 < max(cluster.powers.size for cluster in made) <= 100
    assert made[-1].spread_samples < 0.15 * 200 / 2
