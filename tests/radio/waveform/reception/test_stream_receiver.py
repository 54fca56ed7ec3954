"""Streams: bursts in any chunks, gaps, ends, garbage, bounded memory."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radio.samples import EventKind, Samples
from radio.waveform.acquisition.gate import HOP, gate_threshold, repetition_metric
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.chunk_queue import ChunkQueue
from radio.waveform.reception.stream_receiver import StreamReceiver
from tests.radio.waveform.propagation import noise

from .test_receiver import START, air

CONFIG = WaveformConfig()
LENGTHS = [900, 0, 2500, 600]
FIRST_TICK = 10_000


@pytest.fixture(scope="module")
def stream():
    """Four frames at 5 dB, the second and third back to back, each [1, n]; and where each begins."""
    rng, parts, starts, at = np.random.default_rng(5), [], [], FIRST_TICK
    for number, k in enumerate(LENGTHS):
        samples, _ = air(CONFIG, k, rng, snr_db=5.0, cfo_hz=[4000, -4900], tail=[700, 8, 1500, 300][number])
        part = samples.data[:, START - 8 :] if number == 2 else samples.data
        starts.append(at + (8 if number == 2 else START))
        parts.append(part)
        at += part.shape[1]
    return np.concatenate(parts, axis=1), starts


def run(data, chunk, receiver=None, first_tick=FIRST_TICK):
    receiver = receiver or StreamReceiver(CONFIG)
    frames = []
    for i in range(0, data.shape[1], chunk):
        frames += receiver.push(Samples(data[:, i : i + chunk], first_tick + i, CONFIG.sample_rate_hz))
    return frames + receiver.flush(), receiver


def summary(frames):
    return [(frame.start_tick, [user.features.size for user in frame.users]) for frame in frames]


@settings(max_examples=8)
@given(chunk=st.integers(64, 60_000))
def test_every_burst_is_received_whatever_the_chunks(stream, chunk):
    data, starts = stream
    frames, receiver = run(data, chunk)
    assert [features for _, features in summary(frames)] == [[k, k] for k in LENGTHS]
    assert [frame.start_tick for frame in frames] == pytest.approx(starts, abs=3)
    assert receiver.take_events() == []


def test_missing_samples_are_an_event_and_the_next_burst_is_received(stream):
    data, starts = stream
    cut = starts[2] + ResourceGrid(CONFIG).payload_start + 500 - FIRST_TICK
    receiver = StreamReceiver(CONFIG)
    before, _ = run(data[:, :cut], 4096, receiver)
    frames = receiver.push(Samples(data[:, :1000], FIRST_TICK, CONFIG.sample_rate_hz))
    frames += receiver.push(Samples(data[:, cut + 700 :], FIRST_TICK + cut + 700, CONFIG.sample_rate_hz))
    frames += receiver.flush()
    events = receiver.take_events()
    assert [(event.kind, event.count) for event in events] == [(EventKind.OVERFLOW, cut + 700 - 1000)]
    assert "cut off" in before[-1].users[0].reason
    assert summary(frames)[-1][1] == [LENGTHS[3], LENGTHS[3]]


def test_a_radio_that_starts_again_at_tick_0_is_received_at_once(stream):
    """It stopped within a burst, whose end nobody waits for any more."""
    data, starts = stream
    cut = starts[2] + ResourceGrid(CONFIG).payload_start + 3000 - FIRST_TICK  # header read, end not there
    receiver, frames = StreamReceiver(CONFIG), []
    receiver.push(Samples(data[:, :cut], 10**9, CONFIG.sample_rate_hz))
    for i in range(0, data.shape[1], 4096):
        frames += receiver.push(Samples(data[:, i : i + 4096], i, CONFIG.sample_rate_hz))
    own = [one for one in summary(frames) if one[0] < 10**8]
    assert [features for _, features in own[:3]] == [[k, k] for k in LENGTHS[:3]]


def test_a_stream_that_starts_in_a_burst_gives_the_next_one(stream):
    data, starts = stream
    skip = starts[0] + 6000 - FIRST_TICK
    frames, _ = run(data[:, skip:], 5000, first_tick=FIRST_TICK + skip)
    assert [features for _, features in summary(frames)][-3:] == [[k, k] for k in LENGTHS[1:]]


def test_silence_noise_and_garbage_are_no_bursts_and_do_not_harm(stream):
    rng = np.random.default_rng(1)
    junk = np.concatenate([np.zeros((1, 30_000)), noise(rng, 200_000, 1.0), np.full((1, 5000), np.nan)], axis=1)
    frames, receiver = run(np.concatenate([junk, stream[0]], axis=1).astype(np.complex64), 30_000)
    assert [features for _, features in summary(frames)] == [[k, k] for k in LENGTHS]
    assert receiver.kept_samples == 0


def test_memory_is_bounded_and_a_burst_that_does_not_fit_is_counted():
    samples, _ = air(CONFIG, 16384, np.random.default_rng(2), snr_db=20)
    receiver = StreamReceiver(CONFIG, memory_samples=50_000)
    data = np.tile(samples.data, (1, 3))
    for i in range(0, data.shape[1], 1000):
        receiver.push(Samples(data[:, i : i + 1000], i, CONFIG.sample_rate_hz))
        assert receiver.kept_samples <= 51_000
    long = WaveformConfig(preamble_repeats=2)
    with pytest.raises(ValueError, match="memory_samples"):
        StreamReceiver(long, memory_samples=5000)


def test_another_rate_or_number_of_antennas_is_refused():
    receiver = StreamReceiver(CONFIG)
    with pytest.raises(ValueError, match="antennas"):
        receiver.push(Samples(np.zeros((2, 10), np.complex64), 0, CONFIG.sample_rate_hz))
    with pytest.raises(ValueError, match="samples/s"):
        receiver.push(Samples(np.zeros((1, 10), np.complex64), 0, 1e6))


def test_a_receiver_that_falls_behind_says_so():
    queue, receiver = ChunkQueue(memory_samples=20_000), StreamReceiver(CONFIG)
    for i in range(10):  # nobody takes anything
        queue.put(Samples(np.zeros((1, 5000), np.complex64), 5000 * i, CONFIG.sample_rate_hz))
    assert queue.dropped_samples == 30_000
    taken = []

    def take():
        while (chunk := queue.get()) is not None:
            taken.append(chunk)
            receiver.push(chunk)

    thread = threading.Thread(target=take)
    thread.start()
    while len(taken) < 4:
        pass
    assert queue.put(Samples(np.zeros((1, 5000), np.complex64), 50_000, CONFIG.sample_rate_hz))
    queue.close()
    thread.join(60)
    assert [(e.kind, e.tick, e.count) for e in receiver.take_events()] == [(EventKind.OVERFLOW, 20_000, 30_000)]


def test_gate_metric_of_noise_is_exponential_and_of_a_tone_is_its_maximum(each_backend):
    metric = repetition_metric(noise(np.random.default_rng(3), 3_000_000, 7.0).astype(np.complex64), CONFIG)
    independent = metric[:: 1024 // HOP]
    assert independent.mean() == pytest.approx(1.0, abs=0.06)
    assert np.mean(independent > gate_threshold(0.1)) == pytest.approx(0.1, abs=0.02)
    tone = np.exp(2j * np.pi * 0.01234 * np.arange(5000)).astype(np.complex64)[None]
    np.testing.assert_allclose(repetition_metric(tone, CONFIG), 7 * 256, rtol=1e-4)
