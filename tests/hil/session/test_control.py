"""The coordinator's loops: against a bench of numbers, and in whole sessions on the simulated air."""

import msgspec
import numpy as np
import pytest

from calibration.loops.tracker import LoopState
from hil.bus.messages import CsiReport, Hello, UserCsi
from hil.config import load_config
from hil.errors import UsageError
from hil.session.control import SessionControl

SLOT_S = 0.02
CARRIER_NOISE_HZ = 3.0  # what the receiver measures a carrier to at 10 dB (docs/results.md)


def hellos(users=2, start_hz=0.0, lowest_gain_db=-60.0):
    return {
        user: Hello("tx", user, 1, "", carrier_start_hz=start_hz, lowest_gain_db=lowest_gain_db)
        for user in range(users)
    }


class Bench:
    """Users with an offset, a delay and a path gain each; reports what a receiver would measure, with its noise."""

    def __init__(self, config, offsets_hz=(9000.0, -4000.0), delays=(3.3, 71.8), gains_db=(-3.0, -11.0), seed=1):
        self.config, self.control = config, SessionControl(config, hellos(), repeats=False)
        self.offsets_hz, self.delays, self.gains_db = np.array(offsets_hz), np.array(delays), np.array(gains_db)
        self.rng, self.slot, self.residual = np.random.default_rng(seed), 0, {}

    def run(self, slots, probe=False, lost=frozenset(), spoil=lambda csi: csi):
        for _ in range(slots):
            commands = self.control.commands(self.slot, self.tick, probe, set(lost))
            users = [self.measure(c) for c in commands if not c.silent and c.user not in lost]
            seen = [spoil(user) for user in users]
            report = CsiReport(self.slot, None, self.tick, self.tick + 1000, 10.0, seen)
            self.control.take(report)
            self.slot += 1
        return self

    @property
    def tick(self):
        return int(self.slot * SLOT_S * self.config.sample_rate_hz)

    def measure(self, command):
        user = command.user
        true = (
            self.offsets_hz[user] - command.correction_hz,
            self.delays[user] - command.advance_ticks,
            self.gains_db[user] + command.gain_db,
        )
        self.residual[user] = true
        hz, samples, db = np.array(true) + self.rng.standard_normal(3) * (CARRIER_NOISE_HZ, 0.05, 0.1)
        return UserCsi(
            user,
            hz,
            0.0,
            1.0,
            0.0,
            10.0,
            0.0,
            samples,
            db,
            cfo_std_hz=CARRIER_NOISE_HZ,
            arrival_std_samples=0.05,
            power_std_db=0.1,
        )

    def aligned(self):
        waveform = self.config.waveform
        hz, samples, db = np.array([self.residual[user] for user in sorted(self.residual)]).T
        return (
            np.abs(hz).max() < 0.002 * waveform.subcarrier_spacing_hz
            and np.abs(samples).max() < waveform.cp_samples / 8
            and np.ptp(db) < 0.5
        )


def both(**more):
    return load_config(None, {"control.timing": True, "control.power": True, **more})


@pytest.mark.parametrize("seed", range(8))
def test_a_cold_start_ends_aligned_within_twenty_slots(seed):
    rng = np.random.default_rng(100 + seed)
    bench = Bench(both(), rng.uniform(-9e4, 9e4, 2), rng.uniform(-100, 200, 2), rng.uniform(-20, 0, 2), seed)
    assert bench.run(6, probe=True).run(13).run(1).aligned()
    commands = bench.control.commands(bench.slot, bench.tick, False, set())
    assert {state for c in commands for state in (c.frequency, c.timing, c.power)} == {LoopState.LOCKED}


def test_while_somebody_is_unknown_probes_go_to_one_user_alone():
    bench = Bench(both())
    spoken = []
    for _ in range(3):
        commands = bench.control.commands(bench.slot, bench.tick, True, set())
        spoken.append([c.user for c in commands if not c.silent])
        users = [bench.measure(c) for c in commands if not c.silent]
        bench.control.take(CsiReport(0, None, len(spoken) * 1000, len(spoken) * 1000, 10.0, users))
    assert sorted(spoken[:2]) == [[0], [1]] and spoken[2] == [0, 1]
    assert not any(c.silent for c in SessionControl(both(), hellos(), False).commands(0, 0, False, set()))


def test_what_is_switched_off_commands_nothing_but_tells_its_state():
    bench = Bench(load_config(None, {"feedback.carrier": False}))
    bench.run(12)
    for command in bench.control.commands(bench.slot, bench.tick, False, set()):
        assert (command.correction_hz, command.advance_ticks, command.gain_db) == (0.0, 0, 0.0)
        assert (command.frequency, command.timing) == (LoopState.LOCKED, LoopState.LOCKED)


def test_a_calibration_is_where_the_carrier_loop_starts():
    control = SessionControl(load_config(None), hellos(start_hz=1234.0), False)
    assert [c.correction_hz for c in control.commands(0, 0, True, set())] == [1234.0, 1234.0]


def test_the_wanted_ratio_is_reached_by_lowering_the_louder_user():
    bench = Bench(both(**{"control.wanted_power_db": (0, -3)}), gains_db=(-2.0, -9.0))
    bench.run(6, probe=True).run(14)
    assert bench.residual[0][2] - bench.residual[1][2] == pytest.approx(3.0, abs=0.5)
    assert max(c.gain_db for c in bench.control.commands(bench.slot, bench.tick, False, set())) == 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"cfo_hz": 7e4, "arrival_samples": 300.0, "power_db": 40.0},
        {"cfo_hz": float("nan"), "arrival_samples": float("nan"), "power_db": float("nan")},
        {"cfo_std_hz": 0.0, "arrival_std_samples": 0.0, "power_std_db": 0.0},
    ],
)
def test_a_wrong_measurement_now_and_then_does_not_move_the_commands(wrong):
    bench = Bench(both()).run(6, probe=True).run(14)
    before = bench.control.commands(bench.slot, bench.tick, False, set())
    bench.control.take(CsiReport(99, None, 0, 0, None, []))
    for _ in range(5):
        bench.run(1, spoil=lambda csi: msgspec.structs.replace(csi, **wrong)).run(2)
    for was, now in zip(before, bench.control.commands(bench.slot, bench.tick, False, set()), strict=True):
        assert now.correction_hz == pytest.approx(was.correction_hz, abs=15)
        assert (abs(now.advance_ticks - was.advance_ticks), abs(now.gain_db - was.gain_db)) <= (1, 0.5)
    assert bench.run(1).aligned()


def test_a_wild_report_that_comes_three_times_is_one_wild_report():
    """Three that agree would be believed: the bus may repeat a message, and a node that comes back tells it again."""
    bench = Bench(both()).run(6, probe=True).run(14)
    commands = bench.control.commands(bench.slot, bench.tick, False, set())
    wild = [msgspec.structs.replace(bench.measure(one), cfo_hz=7e4, arrival_samples=300.0) for one in commands]
    for _ in range(3):
        bench.control.take(CsiReport(bench.slot, None, bench.tick, bench.tick, 10.0, wild))
    for was, now in zip(commands, bench.control.commands(bench.slot + 1, bench.tick, False, set()), strict=True):
        assert now.correction_hz == pytest.approx(was.correction_hz, abs=15)
        assert abs(now.advance_ticks - was.advance_ticks) <= 1


@pytest.mark.parametrize("unknown", [0.0, -1.0, float("nan"), float("inf")])
def test_a_measurement_without_uncertainty_moves_nothing(unknown):
    def without(csi):
        return msgspec.structs.replace(csi, cfo_std_hz=unknown, arrival_std_samples=unknown, power_std_db=unknown)

    bench = Bench(both()).run(5, spoil=without)
    for command in bench.control.commands(bench.slot, bench.tick, False, set()):
        assert (command.correction_hz, command.advance_ticks, command.gain_db) == (0.0, 0, 0.0)
        assert LoopState.LOCKED not in (command.frequency, command.timing, command.power)


def test_a_receiver_whose_clock_says_earlier_than_it_measured_is_followed_all_the_same():
    bench = Bench(both()).run(6, probe=True)
    for _ in range(14):
        commands = bench.control.commands(bench.slot, bench.tick, False, set())
        users = [bench.measure(command) for command in commands]
        bench.control.take(CsiReport(bench.slot, None, bench.tick, 0, 10.0, users))
        bench.offsets_hz += 3.0
        bench.slot += 1
    assert np.abs([true[0] for true in bench.residual.values()]).max() < 15


def test_a_user_that_disappears_is_kept_in_mind_and_taken_up_again():
    bench = Bench(both()).run(6, probe=True).run(14)
    bench.run(10, lost={1})
    held = bench.control.commands(bench.slot, bench.tick, False, set())[1]
    assert held.frequency == LoopState.LOCKED  # it did not speak: that is no miss
    bench.delays[1] += 6.0  # it comes back elsewhere
    assert bench.run(12).aligned()


def test_a_drift_of_a_tenth_ppm_a_minute_is_followed_for_an_hour():
    bench = Bench(both()).run(6, probe=True).run(14)
    step_hz = 0.1e-6 / 60 * 2.45e9 * 5.0
    worst = 0
    for _ in range(720):  # a frame every five seconds
        bench.slot += int(5.0 / SLOT_S) - 1
        bench.offsets_hz += np.array([step_hz, -step_hz])
        bench.run(1)
        worst += not bench.aligned()
    assert worst == 0


def test_an_advance_stays_within_the_silence_around_the_burst():
    bench = Bench(both(), delays=(0.0, 5000.0))
    bench.run(8, probe=True)
    assert bench.control.commands(bench.slot, bench.tick, False, set())[1].advance_ticks == 256


@pytest.mark.parametrize("powers", [(0.0,), (0.0, 1.0, 2.0), (0.0, 100.0)])
def test_wanted_powers_must_fit_the_users(powers):
    with pytest.raises(UsageError, match=r"control\.wanted_power_db"):
        load_config(None, {"control.wanted_power_db": powers})
