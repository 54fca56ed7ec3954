"""Phase noise against its mask."""

import numpy as np
import pytest
from scipy import signal, stats

from radio.air.config import DEFAULT_PHASE_NOISE_MASK
from radio.air.phase_noise import PhaseNoise, mask_density


def test_mask_at_and_between_its_points():
    offsets = np.array([0.0, 1e3, 10**3.5, 1e4, 1e6, 1e7])
    levels = 10 * np.log10(mask_density(DEFAULT_PHASE_NOISE_MASK, offsets))
    assert levels == pytest.approx([-80, -80, -85, -90, -125, -150])
    assert mask_density(((1e3, -80.0),), np.array([1e5])) == pytest.approx(1e-8)


def test_density_follows_the_mask():
    noise = PhaseNoise(DEFAULT_PHASE_NOISE_MASK, 1, 0, 4e6)
    phase = np.concatenate([noise.phase(k << 18, 1 << 18) for k in range(24)])
    # a two-sided density: half of scipy's one-sided one
    frequency, density = signal.welch(phase, 4e6, nperseg=1 << 14, window="blackmanharris")
    two_sided = density / 2
    for offset in (1e3, 2e3, 5e3, 1e4, 3e4, 1e5):
        near = (frequency > 0.8 * offset) & (frequency < 1.25 * offset)
        measured = 10 * np.log10(np.mean(two_sided[near] / mask_density(DEFAULT_PHASE_NOISE_MASK, frequency[near])))
        assert abs(measured) < 0.7, f"{measured:.2f} dB off the mask at {offset:g} Hz"


def test_variance_is_the_integral_of_the_mask():
    noise = PhaseNoise(((1e3, -70.0), (1e5, -90.0)), 1, 0, 1e6)  # runs at 500 kHz
    phase = np.concatenate([noise.phase(k << 17, 1 << 17) for k in range(40)])
    frequency = np.linspace(0, 250e3, 200_001)
    integral = 2 * 250e3 * np.mean(mask_density(((1e3, -70.0), (1e5, -90.0)), frequency))
    assert np.var(phase) == pytest.approx(integral, rel=0.1)
    assert abs(stats.kurtosis(phase[::50])) < 0.15


def test_any_cut_gives_the_same_phase():
    whole = PhaseNoise(DEFAULT_PHASE_NOISE_MASK, 1, 0, 4e6).phase(98_000, 20_000)  # crosses a stretch
    other = PhaseNoise(DEFAULT_PHASE_NOISE_MASK, 1, 0, 4e6)
    late, early = other.phase(98_000 + 7001, 12_999), other.phase(98_000, 7001)
    assert np.array_equal(whole, np.concatenate([early, late]))


def test_nodes_have_their_own():
    a, b = (PhaseNoise(DEFAULT_PHASE_NOISE_MASK, 1, node, 4e6).phase(0, 1 << 18) for node in (0, 1))
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.3
    assert not np.array_equal(a, b)
