"""From cold start to superposition on the simulated air, whatever clocks, delays and powers it starts with."""

import numpy as np
import pytest

from calibration.loops.alignment import Alignment
from calibration.loops.tracker import LoopState
from radio.waveform.config import WaveformConfig

from .bench import Bench


def good(truths, config, users=2, wanted=None):
    """Aligned within an eighth of the prefix, residual below 0.2 % of a spacing, powers within 0.5 dB."""
    if len(truths) < users:
        return False
    cfo, delay, power = np.array([truths[user] for user in sorted(truths)]).T
    power = power - np.array(wanted or [0.0] * len(power))
    return bool(
        np.abs(cfo).max() < 0.002 * config.subcarrier_spacing_hz
        and np.ptp(delay) < config.cp_samples / 8
        and np.abs(delay).max() < config.cp_samples / 8
        and np.ptp(power) < 0.5
    )


@pytest.mark.parametrize("seed", range(8))
def test_cold_start_reaches_the_figures_in_twenty_frames(seed):
    rng = np.random.default_rng(seed)
    bench = Bench(
        offsets=list(rng.uniform(-200, 200, 2)),
        gains_db=[0.0, -6.0] if seed % 2 else [-6.0, 0.0],
        tx_ppm=list(rng.choice([-20.0, 20.0], 2) if seed < 4 else rng.uniform(-20, 20, 2)),
        rx_ppm=float(rng.choice([-20.0, 20.0]) if seed < 4 else rng.uniform(-20, 20)),
        seed=100 * seed + 1,
    )
    alignment = Alignment(bench.waveform)
    history = [bench.frame(alignment) for _ in range(20)]
    truths = [bench.frame(alignment) for _ in range(5)]
    assert all(good(t, bench.waveform) for t in truths), (truths, history, alignment.states())
    assert all(state.locked for state in alignment.states().values()), alignment.states()


def test_a_wanted_power_ratio_and_three_users():
    wanted = {0: 0.0, 1: -3.0, 2: 2.0}
    bench = Bench([120.0, -90.4, 33.3], [0.0, -4.0, -2.0], [5.0, -12.0, 19.0], -7.0, 12.0, 7, WaveformConfig(users=3))
    alignment = Alignment(bench.waveform, wanted)
    for _ in range(20):
        bench.frame(alignment)
    assert good(bench.frame(alignment), bench.waveform, 3, list(wanted.values()))


def test_a_user_that_disappears_holds_and_is_found_again_elsewhere():
    bench = Bench([50.0, -130.0], [0.0, -3.0], [12.0, -9.0], 4.0)
    alignment = Alignment(bench.waveform)
    for _ in range(15):
        bench.frame(alignment)
    for _ in range(10):  # user 1's antenna is off, the loops are not told
        silent, commands = bench.gains_db[1], alignment.commands()
        bench.gains_db[1] = -90.0
        bench.snr_db, noisy = bench.snr_db - 87.0, bench.snr_db
        bench.frame(alignment, [0, 1])
        bench.gains_db[1], bench.snr_db = silent, noisy
    after, states = alignment.commands(), alignment.states()
    assert states[1].frequency is LoopState.HOLDING and states[1].timing is LoopState.HOLDING
    assert states[0].locked
    assert after[1].correction_hz == pytest.approx(commands[1].correction_hz, abs=30)
    assert after[1].advance_ticks == commands[1].advance_ticks
    bench.offsets[1] += 9.0  # it was moved, and its crystal has cooled
    bench.tx_ppm[1] += 0.7
    for _ in range(8):
        bench.frame(alignment)
    assert good(bench.frame(alignment), bench.waveform)


def test_lock_is_held_for_an_hour_of_drift():
    """0.1 ppm a minute on both transmitters, in opposite directions and turning; a frame every 5 s."""
    bench = Bench([80.0, -40.0], [0.0, -2.0], [10.0, -10.0], 0.0, frame_s=5.0)
    alignment = Alignment(bench.waveform)
    for _ in range(12):
        bench.frame(alignment)
    results = []
    for minute in np.arange(0, 60, 5 / 60):
        direction = 1 if (minute // 20) % 2 == 0 else -1
        for user, sign in enumerate((direction, -direction)):
            bench.tx_ppm[user] += sign * 0.1 * 5 / 60
            bench.offsets[user] += 0.002 * sign
        results.append(good(bench.frame(alignment), bench.waveform))
    assert np.mean(results) > 0.99
