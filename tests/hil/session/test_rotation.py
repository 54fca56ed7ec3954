"""Aligning users by turning their periods."""

import numpy as np
import pytest

from hil.bus.messages import CsiReport, UserCsi
from hil.session.repeated_slot import aligned, find_arrivals
from hil.session.rotation import RotationLoop, wrapped
from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.transmission.transmitter import BurstTransmitter

PERIOD = 20_000


def report(slot, tick, arrival):
    return CsiReport(slot, None, tick, tick, None, [UserCsi(0, 0.0, 0.0, 1.0, 0.0, 0.0, arrival_samples=arrival)])


@pytest.mark.parametrize("offset", [0, 1, 9_999, 10_000, 19_999])
@pytest.mark.parametrize("drift_ppm", [0.0, 3.0, -20.0])
def test_a_user_is_brought_to_the_slots_beginning_and_kept_there(offset, drift_ppm):
    loop, rng = RotationLoop(PERIOD), np.random.default_rng(1)
    arrivals = []
    for slot in range(12):
        start = loop.apply(slot)
        assert 0 <= start < PERIOD
        tick = slot * 700_000 + int(rng.integers(0, 50_000))
        arrivals.append(wrapped(offset + start + drift_ppm * 1e-6 * tick, PERIOD))
        loop.update(report(slot, tick, arrivals[-1]), 0)
    assert max(abs(arrival) for arrival in arrivals[6:]) <= 3
    assert loop.drift * 1e6 == pytest.approx(drift_ppm, abs=1)


def test_an_interrupted_stream_is_found_again():
    loop, arrivals = RotationLoop(PERIOD), []
    for slot in range(8):
        offset = 500 if slot < 4 else 12_345
        arrivals.append(wrapped(offset + loop.apply(slot), PERIOD))
        loop.update(report(slot, slot * 700_000, arrivals[-1]), 0)
    assert abs(arrivals[3]) <= 1 and abs(arrivals[4]) > 1000 and abs(arrivals[5]) <= 1


def test_reports_of_other_slots_and_users_do_nothing():
    loop = RotationLoop(PERIOD)
    loop.apply(3)
    loop.update(report(2, 0, 100.0), 0)
    loop.update(report(3, 0, 100.0), 1)
    assert loop.apply(4) == 0
    loop.update(report(4, 0, float("nan")), 0)
    assert loop.apply(5) == 0


def drifting(loop, slots, offset=0.0, drift_ppm=20.0, first=0):
    """Arrivals of a user whose crystal is off by drift_ppm: what the receiver measures, one report a slot."""
    arrivals = []
    for slot in range(first, first + slots):
        tick = slot * 700_000
        arrivals.append(wrapped(offset + loop.apply(slot) + drift_ppm * 1e-6 * tick, PERIOD))
        loop.update(report(slot, tick, arrivals[-1]), 0)
    return arrivals


def test_the_drift_is_believed_by_halves():
    """Exponential smoothing with weight 1/2 of exact measurements: 1 - 2^-n after n differences."""
    loop = RotationLoop(PERIOD)
    drifting(loop, 1)
    for n in range(1, 6):
        drifting(loop, 1, first=n)
        assert loop.drift * 1e6 == pytest.approx(20.0 * (1 - 0.5**n), rel=1e-3)


def test_a_drift_over_the_edge_of_the_period_is_no_interruption():
    """14 ticks a slot: the arrival without rotation passes half a period between slots 8 and 10."""
    arrivals = drifting(RotationLoop(PERIOD), 16, offset=PERIOD / 2 - 126)
    assert max(abs(arrival) for arrival in arrivals[8:]) <= 1


def test_a_report_that_comes_twice_turns_nothing():
    loop = RotationLoop(PERIOD)
    drifting(loop, 8)
    before = loop.start
    loop.update(report(7, 7 * 700_000, 0.0), 0)
    assert loop.start == before


def test_a_report_that_comes_a_slot_late_is_of_its_own_slot_and_one_that_comes_much_too_late_of_none():
    loop = RotationLoop(PERIOD)
    loop.apply(0)
    loop.start = -50.0
    assert loop.apply(1) == PERIOD - 50
    loop.update(report(0, 0, 100.0), 0)
    assert loop.apply(2) == PERIOD - 100
    for slot in range(3, 40):
        loop.apply(slot)
    loop.update(report(2, 0, 7_000.0), 0)
    assert loop.apply(40) == PERIOD - 100


def test_a_fraction_of_a_tick_that_was_not_turned_is_no_drift():
    loop = RotationLoop(PERIOD)
    loop.apply(0)
    loop.update(report(0, 0, 100.4), 0)
    assert loop.apply(1) == PERIOD - 100
    loop.update(report(1, 700_000, 0.4), 0)
    assert loop.drift == pytest.approx(0.0, abs=1e-12)


def test_arrivals_are_found_wherever_they_are():
    config = WaveformConfig(users=2, sample_rate_hz=1e6, oscillator_ppm=2.0)
    grid, guard = ResourceGrid(config), 512
    rng = np.random.default_rng(2)
    stream = 1e-3 * (rng.standard_normal((1, 2 * PERIOD, 2)) @ [1, 1j])
    for user, arrival in ((0, 4_321), (1, -3)):
        period = np.zeros(PERIOD, np.complex64)
        burst = BurstTransmitter(config, user).modulate(np.zeros(0), FrameHeader(0, user, "probe", 0, 0, 0, 0))
        period[guard : guard + burst.size] = 0.2 * burst
        stream += np.tile(np.roll(period, arrival), 2)
    found = find_arrivals(grid, Samples(stream.astype(np.complex64), 0, 1e6), PERIOD, guard)
    assert [(user.user, round(user.arrival_samples)) for user in found] == [(0, 4321), (1, -3)]
    assert not aligned(found) and aligned(found[1:]) and not aligned([])
