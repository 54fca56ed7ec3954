"""The generator of Gaussian numbers against published outputs, the normal distribution, and itself without numba."""

import numpy as np
import pytest
from scipy import stats

from radio import acceleration
from radio.air.gaussian import _STEP, _mixed, add_gaussian, gaussian, noise_key
from radio.air.randomness import Purpose

PUBLISHED = (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F)  # SplitMix64 of seed 0


@pytest.fixture(scope="module")
def parts():
    """float64 [2^22] that should be standard normal."""
    return gaussian(12345, 0, 1 << 21).view(np.float32).astype(float) * np.sqrt(2)


def test_bits_are_those_of_splitmix64():
    high, low = _mixed(np.arange(1, 4, dtype=np.uint64) * _STEP)
    assert [int(h) for h in high] == [word >> 33 for word in PUBLISHED]
    assert [int(v) & 0xFFFFFFFF for v in low] == [word & 0xFFFFFFFF for word in PUBLISHED]


def test_histogram_is_that_of_the_normal_distribution(parts):
    bins = 1024
    counts = np.bincount((stats.norm.cdf(parts) * bins).astype(int), minlength=bins)
    assert 1e-3 < stats.chisquare(counts).pvalue < 1 - 1e-3


@pytest.mark.parametrize("level", [3.0, 4.0, 4.5, 5.0])
def test_tails_hold_as_many_as_they_should(parts, level):
    for side in (parts, -parts):
        assert 1e-4 < stats.poisson.cdf(np.count_nonzero(side > level), parts.size * stats.norm.sf(level)) < 1 - 1e-4


def test_moments_are_those_of_the_normal_distribution(parts):
    for order, expected, spread in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)):
        assert abs(np.mean(parts**order) - expected) < 4.5 * np.sqrt(spread / parts.size)


def test_power_and_phase_are_independent_and_follow_their_laws():
    z = gaussian(99, -5000, 200_000)
    turns = (np.angle(z) / (2 * np.pi)) % 1.0
    assert stats.kstest(np.abs(z) ** 2, "expon").pvalue > 1e-3
    assert stats.kstest(turns, "uniform").pvalue > 1e-3
    table = np.histogram2d(np.exp(-(np.abs(z) ** 2)), turns, bins=16, range=((0, 1), (0, 1)))[0]
    assert stats.chi2_contingency(table).pvalue > 1e-3


def test_neighbours_and_keys_are_uncorrelated():
    keys = [noise_key(1, Purpose.THERMAL_NOISE, antenna) for antenna in range(2)]
    a, b = (gaussian(key, 10**12, 1 << 18) for key in keys)
    lagged = [np.vdot(a[:-k], a[k:]) / a.size for k in (1, 2, 3, 255, 256, 512)]
    squares = [np.corrcoef(np.abs(a[:-k]) ** 2, np.abs(a[k:]) ** 2)[0, 1] for k in (1, 2, 512)]
    assert np.abs([*lagged, *squares, np.vdot(a, b) / a.size]).max() < 5 / np.sqrt(a.size)


def test_both_ways_give_the_same_bits(monkeypatch):
    x = np.linspace(-1, 1, 70_001).astype(np.complex64)
    y = x.copy()
    add_gaussian(x, 7, 2**63 - 5, 0.3)
    monkeypatch.setattr(acceleration, "NUMBA", False)
    add_gaussian(y, 7, 2**63 - 5, 0.3)
    assert np.array_equal(x, y)
