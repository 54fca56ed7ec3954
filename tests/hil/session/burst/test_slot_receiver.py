"""The one body that receives a slot, around a receiver whose every call is written down."""

from types import SimpleNamespace

import numpy as np
import pytest

from hil.bus.messages import CsiReport, Grant, Sent, Start, UserCsi
from hil.config import load_config
from hil.session.burst.slot_receiver import SlotReceiver
from hil.session.slot import Slot
from hil.session.stream_follower import StreamFollower
from radio.samples import EventKind, RadioEvent, Samples
from radio.waveform.burst.header import FrameHeader
from radio.waveform.reception.receiver import BurstReceiver

PERIOD, GUARD = 4096, 256


def told_of(user):
    return Sent(slot=7, frame=3, user=user, picture=5, height=8, width=8, n_symbols=12)


def user_read(user):
    header = FrameHeader(3, user, "image", 8, 8, 12, 5)
    return SimpleNamespace(user=user, header_read=True, header=header, detected=False, quality=None)


def frame_of(*users):
    users = [user_read(user) for user in users]
    return SimpleNamespace(users=users, tones=(), start_tick=GUARD, snr_db=9.0)


@pytest.fixture
def calls(monkeypatch):
    """Keyword arguments of every call of `BurstReceiver.receive`; its results are taken from `calls.frames`."""
    seen = SimpleNamespace(made=[], frames=[])

    def receive(self, samples, expected_tick=None, search_samples=512, **options):
        seen.made.append(options | {"tick": expected_tick, "data": samples.data})
        return seen.frames.pop(0) if seen.frames else None

    monkeypatch.setattr(BurstReceiver, "receive", receive)
    return seen


def slot_of(frame=3, repeats=False, **known):
    slot = Slot(Grant(7, frame, 0, None), Start(PERIOD, GUARD, repeats=repeats), **known)
    slot.samples = Samples(np.full((1, PERIOD), 0.1 + 0.1j, np.complex64), 0, 4e6)
    slot.powers = np.ones((2, 1))
    return slot


def told_calls(calls):
    return [sorted(call["told"]) for call in calls.made if call.get("told") is not None]


def test_a_lost_header_is_asked_for_and_the_slot_received_again_by_what_was_told(calls):
    slot, waited = slot_of(), []

    def await_sent(asked):
        waited.append(asked)
        asked.sent |= {0: told_of(0), 1: told_of(1)}

    calls.frames = [frame_of(0), again := frame_of(0, 1)]
    SlotReceiver(load_config(), await_sent=await_sent).receive(slot)
    assert waited == [slot] and slot.received is again and told_calls(calls) == [[0, 1]]
    assert all(call["tick"] == GUARD and call["powers"] is slot.powers for call in calls.made[:2])
    assert calls.made[0]["memory"] is calls.made[1]["memory"] is not None


def test_without_a_bus_what_a_recording_tells_is_used(calls):
    calls.frames = [frame_of(0), again := frame_of(0, 1)]
    slot = slot_of(sent={1: told_of(1)})
    SlotReceiver(load_config()).receive(slot)
    assert slot.received is again and told_calls(calls) == [[1]]


def test_nobody_waits_for_a_user_who_is_gone(calls):
    calls.frames, slot = [first := frame_of(0)], slot_of()
    SlotReceiver(load_config(), await_sent=lambda asked: asked.lost.add(1)).receive(slot)
    assert slot.received is first and not told_calls(calls)


@pytest.mark.parametrize(("frame", "read"), [(None, ()), (3, (0, 1))])
def test_probes_and_read_headers_ask_nobody(calls, frame, read):
    calls.frames, slot = [frame_of(*read)], slot_of(frame)
    SlotReceiver(load_config(), await_sent=lambda _: pytest.fail("asked")).receive(slot)
    assert not told_calls(calls)


def test_repeated_slots_know_no_tick_of_before_and_are_not_followed(calls, monkeypatch):
    monkeypatch.setattr(StreamFollower, "receive", lambda *_: pytest.fail("followed"))
    arrivals = [UserCsi(user, 0.0, 0.0, 1.0, 0.0, 0.0, arrival_samples=4.0) for user in (0, 1)]
    calls.frames = [frame_of(0, 1)]
    SlotReceiver(load_config(), read=lambda *_: None).receive(slot_of(repeats=True), arrivals)
    assert calls.made[0]["memory"] is None and calls.made[0]["tick"] == GUARD


@pytest.mark.parametrize("recorded", [False, True])
def test_users_who_arrive_apart_are_not_received_but_told_of(calls, recorded):
    arrivals = [
        UserCsi(0, 0.0, 0.0, 1.0, 0.0, 0.0, arrival_samples=2.0),
        UserCsi(1, 0.0, 0.0, 1.0, 0.0, 0.0, arrival_samples=90.0),
    ]
    slot = slot_of(repeats=True)
    if recorded:
        slot.csi = CsiReport(7, 3, 0, PERIOD, None, arrivals)
    SlotReceiver(load_config()).receive(slot, None if recorded else arrivals)
    assert slot.received is None and slot.csi.users == arrivals and slot.csi.snr_db is None
    assert all(call["tick"] is None for call in calls.made)  # nothing but the look into the mirror


@pytest.mark.parametrize(
    ("remember", "configured", "kept"), [(True, True, True), (False, True, False), (True, False, False)]
)
def test_delays_are_remembered_where_both_the_caller_and_the_configuration_say_so(calls, remember, configured, kept):
    receiver = SlotReceiver(load_config(None, {"rx.remember_delays": configured}), remember=remember)
    receiver.receive(slot_of())
    receiver.receive(slot_of())
    memories = [call["memory"] for call in calls.made if "memory" in call]
    assert (
        len(memories) >= 2 and all(memory is memories[0] for memory in memories) and (memories[0] is not None) == kept
    )


def test_damage_of_samples_is_counted_once(calls):
    slot = slot_of()
    slot.events = {"unusable": 2, "late": 1}  # of a first attempt
    slot.samples.data[0, :3] = np.nan
    noise = np.random.default_rng(3).standard_normal((PERIOD - 3, 2))
    slot.samples.data[0, 3:] = np.clip(noise, -2, 2) @ [1, 1j]
    met = [
        RadioEvent(EventKind.CLIPPED, 0, 500),
        RadioEvent(EventKind.OVERFLOW, 0, 2),
        RadioEvent(EventKind.OVERFLOW, 9, 3),
    ]
    SlotReceiver(load_config(), events=lambda: met).receive(slot)
    assert slot.events["unusable"] == 5 and slot.events["late"] == 1 and slot.events["overflow"] == 5
    assert slot.events["clipped"] == pytest.approx(np.count_nonzero(np.abs(noise) >= 1.98), abs=30) != 500
    assert not np.isnan(calls.made[0]["data"]).any() and (slot.samples.data[0, :3] == 0).all()


def test_what_the_radio_says_of_clipping_counts_where_the_samples_show_none(calls):
    slot = slot_of()
    SlotReceiver(load_config(), events=lambda: [RadioEvent(EventKind.CLIPPED, 0, 500)]).receive(slot)
    assert slot.events == {"clipped": 500}
