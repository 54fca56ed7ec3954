"""Thermal noise against its distribution; the same at any cut."""

import numpy as np
from scipy import stats

from radio import acceleration
from radio.air.thermal_noise import ThermalNoise

FAR = 3 * 10**12  # a week at the highest rate


def noise(start, n, power=1.0, seed=1, antenna=0):
    out = np.zeros(n, np.complex64)
    ThermalNoise(seed, antenna).add_to(out, start, power)
    return out


def test_variance_is_the_noise_power(each_backend):
    n = 1 << 18
    x = noise(0, n, 0.037)
    # the variance of a variance estimate of n complex samples is power^2 / n
    assert abs(np.mean(np.abs(x) ** 2) / 0.037 - 1) < 5 / np.sqrt(n)
    assert abs(np.mean(x.real**2) / np.mean(x.imag**2) - 1) < 10 / np.sqrt(n)


def test_parts_are_normal_and_independent():
    x = noise(0, 1 << 18)
    for part in (x.real, x.imag):
        assert stats.kstest(part[:100_000] * np.sqrt(2), "norm").pvalue > 1e-3
        assert abs(stats.kurtosis(part)) < 0.05
        assert np.abs(part).max() * np.sqrt(2) > 4.0
    lags = [np.vdot(x[:-k], x[k:]) / x.size for k in (1, 2, 16)] + [np.mean(x.real * x.imag)]
    assert np.abs(lags).max() < 5 / np.sqrt(x.size)


def test_tails_follow_the_normal_distribution():
    x = np.concatenate([noise(k << 20, 1 << 20) for k in range(2)]).view(np.float32) * np.sqrt(2)
    for level in (3.0, 4.0):
        expected = x.size * 2 * stats.norm.sf(level)
        assert abs(np.count_nonzero(np.abs(x) > level) - expected) < 5 * np.sqrt(expected)


def test_any_cut_gives_the_same_samples():
    whole = noise(FAR - 1000, 3000)
    parts = [noise(FAR - 1000 + a, b - a) for a, b in ((2000, 3000), (0, 999), (999, 2000))]
    assert np.array_equal(whole, np.concatenate([parts[1], parts[2], parts[0]]))


def test_seed_and_antenna_matter_and_negative_ticks_exist():
    base = noise(-500, 1000)
    assert not np.array_equal(base, noise(-500, 1000, seed=2))
    assert not np.array_equal(base, noise(-500, 1000, antenna=1))
    assert np.array_equal(base[500:], noise(0, 500))


def test_both_ways_give_the_same_bits(monkeypatch):
    with_numba = noise(7, 5000)
    monkeypatch.setattr(acceleration, "NUMBA", False)
    assert np.array_equal(with_numba, noise(7, 5000))


def test_off_changes_nothing():
    x = np.array([1 + 2j, -0.0 + 0j], np.complex64)
    y = x.copy()
    ThermalNoise(1, 0).add_to(y, 0, 0.0)
    assert x.tobytes() == y.tobytes()
