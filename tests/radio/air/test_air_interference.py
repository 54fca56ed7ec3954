"""Interferers: where and how strong they are."""

import numpy as np
import pytest

from radio.air.config import AirConfig
from radio.air.interference import add_interference


def rendered(config, start, n, antenna=0):
    out = np.zeros(n, np.complex64)
    add_interference(out, config, antenna, start)
    return out


def test_a_tone_has_its_power_and_its_frequency():
    config = AirConfig(interferers=({"power": 0.04, "frequency_hz": 250e3},))
    x = rendered(config, 12_345, 4096)
    assert np.abs(x) == pytest.approx(0.2, rel=1e-4)
    assert np.argmax(np.abs(np.fft.fft(x))) == 256  # 250 kHz of 4 MHz in 4096 bins


def test_bursts_are_on_for_their_share():
    config = AirConfig(interferers=({"kind": "bursty", "power": 0.5, "activity": 0.3, "slot_samples": 64},))
    x = rendered(config, 0, 64 * 4000).reshape(4000, 64)
    on = np.any(x != 0, axis=1)
    assert np.mean(on) == pytest.approx(0.3, abs=0.04)
    assert np.mean(np.abs(x[on]) ** 2) == pytest.approx(0.5, rel=0.03)


@pytest.mark.parametrize("kind", ["narrowband", "bursty"])
def test_any_cut_gives_the_same_samples(kind):
    config = AirConfig(interferers=({"kind": kind, "activity": 0.5, "slot_samples": 100},))
    whole = rendered(config, 3_000_000_000, 1000)
    parts = [rendered(config, 3_000_000_000 + a, b - a) for a, b in ((0, 333), (333, 1000))]
    assert np.array_equal(whole, np.concatenate(parts))


def test_off_changes_nothing(noise_like):
    x = noise_like(100)
    y = x.copy()
    add_interference(y, AirConfig(), 0, 0)
    assert x.tobytes() == y.tobytes()
