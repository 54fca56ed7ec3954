"""The loops alone, fed with numbers that are chosen: drift, lateness, outliers, nonsense."""

import numpy as np
import pytest

from calibration.errors import CalibrationError
from calibration.loops.frequency import FrequencyLoop, precorrect
from calibration.loops.power import PowerLoop, balance
from calibration.loops.timing import TimingLoop, rotate
from calibration.loops.tracker import LoopState, Tracker, TrackerConfig
from calibration.measure.measurement import Measurement

CARRIER_HZ, SPACING_HZ = 2.45e9, 15625.0


def hz(value, deviation=10.0):
    return Measurement(value, deviation, "Hz")


def run(loop, offsets, deviation=10.0, frame_s=0.1, age_s=0.0, seed=0, wrong=None):
    """Residual after every update, when the truth is offsets[i]."""
    rng, residuals, commands = np.random.default_rng(seed), [], [0.0]
    for i, offset in enumerate(offsets):
        in_force = commands[-1]
        measured = hz(offset - in_force + deviation * rng.standard_normal(), deviation)
        measured = wrong.get(i, measured) if wrong else measured
        commands.append(loop.update(measured, age_s, (i + 1) * frame_s))
        residuals.append(offset - commands[-1])
    return np.array(residuals)


def test_states_on_the_way_to_lock():
    loop = FrequencyLoop(CARRIER_HZ, SPACING_HZ)
    assert loop.state is LoopState.SEARCHING and loop.command == 0.0
    loop.update(hz(5000.0, 200.0), 0.0, 1.0)
    assert loop.state is LoopState.CONVERGING
    for i in range(4):
        loop.update(hz(5000.0 - loop.command, 5.0), 0.0, 1.1 + i / 10)
    assert loop.state is LoopState.LOCKED and loop.command == pytest.approx(5000, abs=10)
    for i in range(3):
        loop.update(None, 0.0, 2.0 + i / 10)
    assert loop.state is LoopState.HOLDING and loop.command == pytest.approx(5000, abs=10)
    for i in range(60):
        loop.update(None, 0.0, 3.0 + i / 10)
    assert loop.state is LoopState.SEARCHING and loop.command == pytest.approx(5000, abs=50)


def test_noise_is_averaged_and_drift_is_followed():
    """A ramp of 0.1 ppm a minute for an hour, an update a second: below 0.2 % of the spacing throughout."""
    drift = 0.1e-6 / 60 * CARRIER_HZ
    residuals = run(FrequencyLoop(CARRIER_HZ, SPACING_HZ), 7000 + drift * np.arange(3600), frame_s=1.0)[20:]
    assert np.abs(residuals).max() < 0.002 * SPACING_HZ
    still = run(FrequencyLoop(CARRIER_HZ, SPACING_HZ), np.full(400, 7000.0))[50:]
    assert still.std() < 5  # half of one measurement's noise or better


def test_late_measurements_are_credited_to_the_command_that_was_in_force():
    loop, rng, commands = FrequencyLoop(CARRIER_HZ, SPACING_HZ), np.random.default_rng(2), [0.0] * 4
    for i in range(30):  # the report of a frame arrives three frames later
        commands.append(loop.update(hz(4000 - commands[-3] + 5 * rng.standard_normal(), 5.0), 0.25, 0.1 * (i + 1)))
    assert np.abs(np.array(commands[8:]) - 4000).max() < 20


@pytest.mark.parametrize("wrong", [hz(9e4), hz(-3000.0, 5.0), hz(np.nan), hz(50.0, np.inf), hz(0.0, 0.0), None])
def test_a_wrong_measurement_now_and_then_moves_nothing(wrong):
    every_fifth = {i: wrong for i in range(8, 200, 5)}
    residuals = run(FrequencyLoop(CARRIER_HZ, SPACING_HZ), np.full(200, 5000.0), wrong=every_fifth)[10:]
    assert np.abs(residuals).max() < 0.002 * SPACING_HZ


def test_a_poor_measurement_weighs_little():
    loop = FrequencyLoop(CARRIER_HZ, SPACING_HZ)
    run(loop, np.full(20, 5000.0))
    before = loop.command
    loop.update(hz(600.0, 900.0), 0.0, 2.1)
    assert abs(loop.command - before) < 5


def test_a_first_measurement_that_was_wrong_is_overcome():
    residuals = run(FrequencyLoop(CARRIER_HZ, SPACING_HZ), np.full(12, 5000.0), wrong={0: hz(60e3)})
    assert abs(residuals[5:]).max() < 0.002 * SPACING_HZ


def test_nonsense_alone_never_locks():
    loop, rng = FrequencyLoop(CARRIER_HZ, SPACING_HZ), np.random.default_rng(4)
    states = []
    for i in range(60):
        loop.update(hz(rng.uniform(-1e5, 1e5) - loop.command), 0.0, 0.1 * (i + 1))
        states.append(loop.state)
    assert LoopState.HOLDING in states[4:] and states[10:].count(LoopState.LOCKED) < 10


def test_a_step_is_taken_after_three_that_agree():
    offsets = np.r_[np.full(20, 5000.0), np.full(10, 9000.0)]
    residuals = run(FrequencyLoop(CARRIER_HZ, SPACING_HZ), offsets)
    assert abs(residuals[20]) > 3900 and abs(residuals[21]) > 3900  # not believed yet
    assert np.abs(residuals[24:]).max() < 0.002 * SPACING_HZ


def test_a_value_that_jumped_keeps_its_rate():
    """What breaks a stream moves its phase and leaves its clock alone: the drift is followed at once."""
    tracker = Tracker(TrackerConfig(tolerance=1.0, rate_deviation=50.0, rate_walk=0.01))
    for at_s in range(20):
        tracker.take(Measurement(10.0 * at_s + (5000.0 if at_s >= 15 else 0.0), 0.02, "samples"), float(at_s))
        assert tracker.followed == (0 < at_s < 15 or at_s > 17)
    assert tracker.value_at(20.0) == pytest.approx(5200.0, abs=0.5)


def test_measurements_from_the_future_or_out_of_order_are_not_taken():
    loop = FrequencyLoop(CARRIER_HZ, SPACING_HZ)
    run(loop, np.full(10, 5000.0))
    before = loop.command
    loop.update(hz(3000.0), -1.0, 1.1)
    loop.update(hz(3000.0), 0.9, 1.2)
    assert loop.command == pytest.approx(before, abs=5)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("absurd", [1e200, -1.7e308, float("inf"), float("nan")])
def test_a_value_of_no_unit_is_not_taken_and_overflows_nothing(absurd):
    tracker = Tracker(TrackerConfig(tolerance=1.0, rate_deviation=0.1, rate_walk=0.1))
    assert not tracker.take(Measurement(absurd, 0.1, "Hz"), 0.0)
    assert tracker.take(Measurement(3.0, 0.1, "Hz"), 0.0)
    assert not any(tracker.take(Measurement(absurd, 0.1, "Hz"), at_s) for at_s in (0.1, 0.2, 0.3))
    assert tracker.value_at(0.3) == pytest.approx(3.0)


def test_precorrection_removes_the_offset():
    n = np.arange(4000)
    burst = np.exp(2j * np.pi * 12345.0 / 4e6 * n).astype(np.complex64)
    np.testing.assert_allclose(precorrect(burst, 12345.0, 4e6), np.ones(4000), atol=1e-3)


def test_timing_gives_whole_ticks_and_reports_the_rest():
    loop = TimingLoop(4e6, 32)
    for i in range(8):
        loop.update(Measurement(137.3 - loop.ticks, 0.05, "samples"), 0.0, 0.1 * (i + 1), in_force=loop.ticks)
    assert loop.ticks == 137 and loop.fraction == pytest.approx(0.3, abs=0.02) and loop.state is LoopState.LOCKED


def test_timing_learns_how_fast_free_running_clocks_part():
    """20 ppm at 4 Msamples/s is 80 samples a second: after 20 frames the advance keeps ahead of it."""
    loop, rng, errors = TimingLoop(4e6, 32, clock_deviation_ppm=40.0), np.random.default_rng(5), []
    for i in range(60):
        time_s = 0.1 * (i + 1)
        true = 20.0 + 80.0 * time_s
        loop.update(
            Measurement(true - loop.ticks + 0.1 * rng.standard_normal(), 0.1, "samples"), 0.0, time_s, loop.ticks
        )
        errors.append(true + 8.0 - loop.tracker.value_at(time_s + 0.1))
    assert np.abs(errors[20:]).max() < 1.0


def test_a_rotated_buffer_repeats_earlier():
    buffer = np.arange(10)
    stream = np.tile(rotate(buffer, 3), 3)
    np.testing.assert_array_equal(stream[7:17], buffer)  # starts at 7 (= -3) instead of 0


def test_balance_lets_the_weakest_send_at_full_gain():
    loops = {user: PowerLoop() for user in range(3)}
    for user, path in ((0, -10.0), (1, -16.1)):
        loops[user].update(Measurement(path - 3.0, 0.05, "dB"), 0.0, 1.0, -3.0)
    gains = balance(loops, {0: 0.0, 1: 0.0, 2: 0.0})
    assert gains[1] == 0.0 and gains[0] == pytest.approx(-6.1, abs=0.13) and gains[2] == 0.0
    gains = balance(loops, {0: 3.0, 1: 0.0, 2: 0.0})
    assert gains[1] == 0.0 and gains[0] == pytest.approx(-3.1, abs=0.13)
    with pytest.raises(CalibrationError):
        balance(loops, {0: 0.0})
    with pytest.raises(CalibrationError):
        PowerLoop(0.0, -3.0)
