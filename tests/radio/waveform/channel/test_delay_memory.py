"""What is remembered of arrivals: against a line fitted to them, the bound that knows the delay, and contradictions."""

import numpy as np
import pytest

from radio.waveform.channel import delay_memory
from radio.waveform.channel.delay_memory import DelayMemory, single_path_delay
from radio.waveform.channel.delay_profile import relative_frequencies
from radio.waveform.channel.estimation import estimate_channel
from radio.waveform.config import WaveformConfig

CONFIG = WaveformConfig()
OMEGA = 2 * np.pi * relative_frequencies(CONFIG)
SLOT = 40_000
DRIFT = 3e-6  # samples per tick


def response(delays, amplitudes):
    """complex64 [1, active]"""
    return (np.exp(-1j * np.outer(OMEGA, delays)) @ np.atleast_1d(amplitudes)).astype(np.complex64)[None]


def bursts(rng, n, variance, delay=8.4, drift=DRIFT):
    """(tick, true channel, seen with noise) of n bursts of a fading path whose arrival drifts."""
    for i in range(n):
        true = response([delay + drift * SLOT * i], np.exp(2j * np.pi * rng.uniform()))
        noise = rng.standard_normal((1, OMEGA.size, 2)) @ np.array([1, 1j]) * np.sqrt(variance / 2)
        yield i * SLOT, true, (true + noise).astype(np.complex64)


@pytest.mark.parametrize("variance", [0.1, 1e-3])
def test_error_approaches_that_of_a_known_delay(variance):
    rng, errors = np.random.default_rng(3), []
    for _ in range(12):
        memory = DelayMemory(CONFIG)
        for tick, true, seen in bursts(rng, 40, variance):
            own, _ = estimate_channel(seen, CONFIG, variance)
            better = memory.refine(0, tick, 0.0, own, seen, variance)
            if tick >= 20 * SLOT and better is not None:
                said = better[1] * OMEGA.size / variance
                errors.append([np.sum(np.abs(h - true) ** 2) / variance for h in (own, better[0])] + [said])
    own, remembered, said = np.mean(errors, axis=0)
    assert len(errors) > 220
    assert own > 1.3  # one complex amplitude and half as much for the delay
    assert remembered < 1.17 and remembered < own - 0.25
    assert said == pytest.approx(remembered, abs=0.2)


def test_arrivals_are_a_line_fitted_to_all_of_them(monkeypatch):
    for name in ("ARRIVAL_CHANGE_SAMPLES", "DRIFT_CHANGE", "LEAST_STD_SAMPLES"):
        monkeypatch.setattr(delay_memory, name, 0.0)
    monkeypatch.setattr(delay_memory, "LARGEST_DRIFT", 1e-3)  # says next to nothing
    memory, n = DelayMemory(CONFIG), 12
    arrivals = 5 + DRIFT * SLOT * np.arange(n) + 1e-4 * np.random.default_rng(1).standard_normal(n)
    for i, arrival in enumerate(arrivals):
        offset = float(i % 5)  # wherever the window of a burst began
        channel = response([arrival - offset], 1.0)
        refined = memory.refine(0, i * SLOT, offset, channel, channel, 1e-4)
    line = np.polyval(np.polyfit(np.arange(n), arrivals, 1), n - 1)
    delay = single_path_delay(refined[0], CONFIG)
    assert delay + offset == pytest.approx(line, abs=5e-6)
    share = (4 * n - 2) / (n * (n + 1))  # variance of a fitted line at its last point over that of a point
    assert refined[1] == pytest.approx(1e-4 / OMEGA.size * (1 + 0.5 * share), rel=1e-3)


def test_a_jump_is_believed_and_the_past_forgotten():
    rng, memory, used = np.random.default_rng(5), DelayMemory(CONFIG), []
    for i, (tick, _, seen) in enumerate(bursts(rng, 20, 1e-3)):
        moved = seen * np.exp(-1j * OMEGA * 0.2).astype(np.complex64) if i >= 10 else seen
        own, _ = estimate_channel(moved, CONFIG, 1e-3)
        used.append(memory.refine(0, tick, 0.0, own, moved, 1e-3) is not None)
    assert used == [i % 10 > delay_memory.AGREEMENTS for i in range(20)]


def test_users_and_bursts_received_twice_do_not_disturb():
    rng, once, twice = np.random.default_rng(7), DelayMemory(CONFIG), DelayMemory(CONFIG)
    for tick, _, seen in bursts(rng, 8, 1e-2):
        own, _ = estimate_channel(seen, CONFIG, 1e-2)
        a = once.refine(0, tick, 0.0, own, seen, 1e-2)
        for user, shift in ((1, 3.0), (0, 0.0), (0, 0.0)):
            b = twice.refine(user, tick, shift, own, seen, 1e-2)
            assert user == 1 or (a is None) == (b is None)
    assert np.array_equal(a[0], b[0]) and a[1] == b[1]


def test_several_paths_are_left_alone():
    memory = DelayMemory(CONFIG)
    single = response([9.0], 1j)
    for i in range(6):
        memory.refine(0, i * SLOT, 0.0, single, single, 1e-3)
    for channel in (response([9.0, 9.8], [1.0, 0.1]), response([9.0, 20.0], [1.0, 1.0]), 0 * single):
        assert single_path_delay(channel, CONFIG) is None or not channel.any()
        assert memory.refine(0, 6 * SLOT, 0.0, channel, channel, 1e-3) is None
    assert memory.refine(0, 7 * SLOT, 0.0, single, single, 1e-3) is not None


def test_antennas_share_a_delay():
    rng, memory, errors = np.random.default_rng(9), DelayMemory(CONFIG), []
    for tick, true, noisy in bursts(rng, 60, 1e-2):
        noise = rng.standard_normal((1, OMEGA.size, 2)) @ np.array([1, 1j]) * np.sqrt(1e-2 / 2)
        both, seen = np.concatenate([true, 2j * true]), np.concatenate([noisy, 2j * true + noise]).astype(np.complex64)
        own, _ = estimate_channel(seen, CONFIG, 1e-2)
        better = memory.refine(0, tick, 0.0, own, seen, 1e-2)
        if tick >= 20 * SLOT and better is not None:
            errors.append([np.mean(np.abs(h - both) ** 2) for h in (own, better[0])])
            assert better[0].shape == (2, OMEGA.size) and better[1] < 1e-2 / OMEGA.size * 1.1
    assert len(errors) >= 38
    assert np.mean(errors, axis=0)[1] < 0.95 * np.mean(errors, axis=0)[0]
