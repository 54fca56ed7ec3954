"""The receive memory and the transmit timeline, against plain arrays."""

import threading

import numpy as np
import pytest

from radio.errors import DeviceError
from radio.samples import EventKind, Samples
from radio.streaming import BurstTimeline, SampleRing


def ramp(start, n):
    return np.arange(start, start + n, dtype=np.float32).astype(np.complex64)[np.newaxis]


def test_reads_across_the_seam_and_forgets_the_oldest():
    ring = SampleRing(1, 100)
    for start in range(0, 270, 30):
        ring.append(ramp(start, 30))
    data, tick, events = ring.read(180, 80, 0)
    assert tick == 180 and not events
    np.testing.assert_array_equal(data, ramp(180, 80))
    data, tick, events = ring.read(100, 50, 0)
    np.testing.assert_array_equal(data, ramp(170, 50))
    assert (tick, events[0].kind, events[0].tick, events[0].count) == (170, EventKind.OVERFLOW, 100, 70)


def test_a_block_larger_than_the_memory():
    ring = SampleRing(2, 64)
    ring.append(np.concatenate([ramp(0, 1000), ramp(5000, 1000)]))
    data, tick, _ = ring.read(0, 10, 0)
    assert tick == 936
    np.testing.assert_array_equal(data, np.concatenate([ramp(936, 10), ramp(5936, 10)]))


def test_a_reader_waits_and_may_ask_for_more_than_is_kept():
    ring = SampleRing(1, 128)

    def fill():
        for start in range(0, 1000, 50):
            assert ring.wait_for_room(60.0)
            ring.append(ramp(start, 50))

    thread = threading.Thread(target=fill)
    thread.start()
    data, _, events = ring.read(0, 1000, 60.0)
    thread.join()
    np.testing.assert_array_equal(data, ramp(0, 1000))
    assert not events


def test_lost_samples_are_zeros_in_their_place():
    ring = SampleRing(1, 1000, first_tick=7)
    ring.append(ramp(7, 10))
    ring.skip(5)
    ring.append(ramp(22, 10))
    data, _, _ = ring.read(7, 25, 0)
    expected = ramp(7, 25)
    expected[:, 10:15] = 0
    np.testing.assert_array_equal(data, expected)
    ring.skip(10**12)
    assert ring.end_tick == 32 + 10**12


def test_time_outs_and_failures_are_sentences():
    ring = SampleRing(1, 10)
    with pytest.raises(DeviceError, match=r"Tick 3 did not arrive within 0.01 s; the stream is at tick 0"):
        ring.read(3, 1, 0.01)
    ring.append(ramp(0, 2))
    ring.fail("the cable was pulled.")
    ring.read(0, 2, 0)
    with pytest.raises(DeviceError, match="the cable was pulled"):
        ring.read(0, 3, 5)


def test_a_timeline_is_silence_and_bursts():
    timeline = BurstTimeline()
    assert not timeline.add(Samples(ramp(1, 10), 5, 1.0))
    assert not timeline.add(Samples(ramp(1, 4), 20, 1.0))
    assert timeline.known_until == 24
    stream = np.concatenate([timeline.take(8), timeline.take(8), timeline.take(14)], axis=1)
    expected = np.zeros(30, np.complex64)
    expected[5:15] += ramp(1, 10)[0]
    expected[20:24] += ramp(1, 4)[0]
    np.testing.assert_array_equal(stream[0], expected)
    [event] = timeline.add(Samples(ramp(0, 100), 29, 1.0))
    assert (event.kind, event.tick) == (EventKind.LATE, 29)
    timeline.promise(50)
    assert (timeline.tick, timeline.known_until) == (30, 50)
