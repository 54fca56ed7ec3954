"""Streams that lose samples or hand some over twice, and a mirrored one: real bursts of one user, slot by slot."""

import numpy as np
import pytest

from hil.bus.messages import Grant, Start
from hil.session.mirror import EVENT, mirrored, note_mirror
from hil.session.slot import Slot
from hil.session.stream_follower import StreamFollower
from hil.session.tones import note_tones
from radio.samples import Samples
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter

GUARD, SLOTS, USES = 9000, 5, 96
CONFIG = WaveformConfig(users=1, sample_rate_hz=1e6)


@pytest.fixture(scope="module")
def receiver():
    return BurstReceiver(CONFIG)


@pytest.fixture(scope="module")
def stream():
    """Five frames with noise between them, complex64 [n], and the samples of a slot."""
    rng, transmitter = np.random.default_rng(5), BurstTransmitter(CONFIG, 0)
    bursts = []
    for frame in range(SLOTS):
        symbols = (rng.choice([-1, 1], (USES, 2)) @ [1, 1j] / np.sqrt(2)).astype(np.complex64)
        bursts.append(transmitter.modulate(symbols, FrameHeader(frame, 0, "image", 8, 8, USES, 0)))
    length = bursts[0].size + 2 * GUARD
    data = 1e-3 * (rng.standard_normal((SLOTS * length, 2)) @ [1, 1j]).astype(np.complex64)
    for frame, burst in enumerate(bursts):
        begin = frame * length + GUARD
        data[begin : begin + burst.size] += 0.2 * burst
    return data.astype(np.complex64), length


class Delivered:
    """What a driver hands over as the samples from a tick on; silence before its first and behind its last."""

    def __init__(self, data):
        self.data, self.asked = data, 0

    def __call__(self, tick, n_samples):
        self.asked += 1
        places = np.arange(tick, tick + n_samples)
        inside = (places >= 0) & (places < self.data.size)
        taken = np.zeros((1, n_samples), np.complex64)
        taken[0, inside] = self.data[places[inside]]
        return Samples(taken, tick, 1e6)


def received(follower, read, number, length):
    slot = Slot(Grant(number, number, number * length, None), Start(length, GUARD))
    slot.samples = follower.window(read, slot)
    slot.received = follower.receive(read, slot, None)
    return slot


def frames_read(slot):
    return [user.header.frame for user in slot.received.users if user.header_read] if slot.received else []


def lose(data, at, count):
    return np.delete(data, slice(at, at + count))


def give_twice(data, at, count):
    return np.insert(data, at + count, data[at : at + count])


@pytest.mark.parametrize(
    ("changes", "late", "events"),
    [
        ([(lose, 1, 14_000)], -14_000, {2: {"lost_samples": 14_000}}),
        ([(give_twice, 1, 4096)], 4096, {2: {"repeated_samples": 4096}}),
        ([(lose, 3, 5000), (lose, 1, 3000)], -8000, {2: {"lost_samples": 3000}, 4: {"lost_samples": 5000}}),
        ([], 0, {}),
    ],
)
def test_windows_follow_what_a_driver_lost_or_gave_twice_and_say_so_once(receiver, stream, changes, late, events):
    """Behind the burst of the slot that is named, the last change first; the ticks of the schedule stay."""
    data, length = stream
    for change, number, count in changes:
        data = change(data, (number + 1) * length - GUARD + 200, count)
    read, follower = Delivered(data), StreamFollower(receiver)
    slots = [received(follower, read, number, length) for number in range(SLOTS)]
    assert [frames_read(slot) for slot in slots] == [[number] for number in range(SLOTS)]
    assert {number: slot.events for number, slot in enumerate(slots) if slot.events} == events
    assert follower.late_samples == late and read.asked == SLOTS + len(changes)  # it looked around once each
    for slot in slots:
        assert abs(slot.received.start_tick - slot.burst_tick) <= 2 and slot.samples.n_samples == length


def test_a_burst_of_another_slot_is_not_taken_for_its_own(receiver, stream):
    """A transmitter that was silent: the next frame, in reach of the search, is not this slot's."""
    data, length = stream
    silent = data.copy()
    silent[length : 2 * length] = data[:GUARD].repeat(1 + length // GUARD)[:length]
    follower, read = StreamFollower(receiver), Delivered(silent)
    assert frames_read(received(follower, read, 1, length)) == [] and follower.late_samples == 0
    assert frames_read(received(follower, read, 2, length)) == [2]


def slot_of(data, length):
    slot = Slot(Grant(0, 0, 0, None), Start(length, GUARD))
    slot.samples = Samples(data[np.newaxis, :length], 0, 1e6)
    return slot


def test_a_mirrored_spectrum_is_recognised_and_only_that(receiver, stream, caplog):
    data, length = stream
    swapped = slot_of((data.imag + 1j * data.real).astype(np.complex64), length)  # I and Q at each other's connector
    note_mirror(receiver, swapped, swapped.burst_tick)
    assert swapped.events == {EVENT: 1} and "rx.mirrored=true" in caplog.text
    turned = receiver.receive(mirrored(swapped.samples), swapped.burst_tick)
    assert [user.header.frame for user in turned.users if user.header_read] == [0]
    noise = slot_of(data[:1].repeat(length) * 0, length)
    noise.samples = Samples(np.roll(data[np.newaxis, : GUARD - 100], 3), 0, 1e6)
    note_mirror(receiver, noise, None)
    assert noise.events == {}
    straight = slot_of(data, length)
    straight.received = receiver.receive(straight.samples, straight.burst_tick)
    note_mirror(None, straight, straight.burst_tick)  # nobody is asked
    assert straight.events == {} and np.array_equal(mirrored(mirrored(straight.samples)).data, straight.samples.data)


@pytest.mark.parametrize("heard", [True, False])
def test_tones_are_kept_and_counted_with_and_without_a_burst(receiver, stream, heard):
    data, length = stream
    tone = 0.05 * np.exp(2j * np.pi * 0.1234 * np.arange(length))
    slot = slot_of((data[:length] if heard else data[:1] * 0 + data[:GUARD].repeat(9)[:length]) + tone, length)
    slot.samples = Samples(slot.samples.data.astype(np.complex64), 0, 1e6)
    slot.received = receiver.receive(slot.samples, slot.burst_tick) if heard else None
    assert (slot.received is not None) == heard
    note_tones(slot)
    (found,) = slot.tones
    assert found.cycles == pytest.approx(0.1234, abs=1e-4) and found.power == pytest.approx(0.05**2, rel=0.1)
    assert slot.events == {"interference": 1}


def test_no_tone_is_no_event(receiver, stream):
    data, length = stream
    slot = slot_of(data, length)
    slot.received = receiver.receive(slot.samples, slot.burst_tick)
    note_tones(slot)
    assert slot.tones == () and slot.events == {}
