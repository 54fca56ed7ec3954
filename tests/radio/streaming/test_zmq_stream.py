"""`zmq:` against plain sockets that follow the documented conventions of GNU Radio and srsRAN."""

import struct
import threading
import time

import numpy as np
import pytest
import zmq

from hil.supervise.supervisor import free_endpoint
from radio.device import RadioSettings
from radio.errors import ConfigurationError, DeviceError
from radio.safety.guard import GuardConfig, TransmitGuard
from radio.safety.open import open_radio
from radio.samples import EventKind, Samples
from tests.radio.opened import opening

SETTINGS = RadioSettings(200e3, 2.45e9)
GUARD = TransmitGuard(GuardConfig(allowed_bands_hz=((2.4e9, 2.5e9),)))


def wave(n, start=0):
    t = np.arange(start, start + n)
    return (0.5 * np.exp(2j * np.pi * 0.013 * t)).astype(np.complex64)


def transmit_ahead(radio, burst):
    """As a burst of a stream in real time: soon, or as much later as a busy machine needs to have it there in time."""
    for lead in (60_000, 600_000, 6_000_000):
        radio.transmit(Samples(burst[np.newaxis], radio.now_tick() + lead, 200e3))
        if not radio.events():
            return
    raise AssertionError("every burst was late")


@pytest.fixture
def context():
    with zmq.Context() as context:
        context.linger = 0
        yield context
        context.destroy(0)


@pytest.fixture
def radios():
    with opening(GUARD) as open_one:
        yield lambda uri, role: open_one(uri, role, SETTINGS)


def bound(context, kind):
    socket = context.socket(kind)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    return socket, f"tcp://127.0.0.1:{port}"


def collect(socket, until):
    """Raw samples of a stream up to the moment that `until` is satisfied with them."""
    stream = np.zeros(0, np.complex64)
    deadline = time.monotonic() + 60
    while not until(stream):
        assert time.monotonic() < deadline, "the stream has stopped"
        if socket.poll(100):
            stream = np.concatenate([stream, np.frombuffer(socket.recv(), np.complex64)])
    return stream


def holds(burst):
    def until(stream):
        begin = np.flatnonzero(stream)
        return begin.size > 0 and stream.size >= begin[0] + burst.size + 100

    return until


@pytest.mark.parametrize("pattern", ["pubsub", "pushpull"])
def test_receiving_from_a_sink_that_binds(context, radios, pattern):
    sink, endpoint = bound(context, zmq.XPUB if pattern == "pubsub" else zmq.PUSH)
    radio = radios(f"zmq:{endpoint}?pattern={pattern}", "rx")
    if pattern == "pubsub":  # a publisher's first messages are for those who are there
        assert sink.poll(60_000) and sink.recv() == b"\x01"  # somebody subscribes to everything
    samples = wave(5000)
    for part in (samples[:1000], samples[1000:1001], samples[1001:]):
        sink.send(part.tobytes())
    got = radio.receive(0, 5000, timeout_s=60)
    np.testing.assert_array_equal(got.data[0], samples)
    np.testing.assert_array_equal(radio.receive(900, 300).data[0], samples[900:1200])
    assert radio.now_tick() == 5000 and radio.events() == []
    with pytest.raises(DeviceError, match=r"Tick 5000 did not arrive within 0.05 s"):
        radio.receive(4990, 20, timeout_s=0.05)


@pytest.mark.parametrize("pattern", ["reqrep", "srsran"])
def test_receiving_by_request(context, radios, pattern):
    sink, endpoint = bound(context, zmq.REP)
    radio = radios(f"zmq:{endpoint}?pattern={pattern}", "rx")
    sent, requests = 0, []

    def serve():
        nonlocal sent
        while sent < 4000 and sink.poll(60_000):
            requests.append(sink.recv())
            sink.send(wave(500, sent).tobytes())
            sent += 500

    thread = threading.Thread(target=serve)
    thread.start()
    got = radio.receive(0, 4000, timeout_s=60)
    thread.join()
    np.testing.assert_allclose(got.data[0], wave(4000), atol=1e-6)
    for request in requests:
        if pattern == "srsran":
            assert request == b"\xff"
        else:
            assert len(request) == 4 and struct.unpack("<I", request)[0] >= 500


def test_a_receiver_that_asks_finds_a_server_that_was_restarted(context, radios):
    sink, endpoint = bound(context, zmq.REP)
    radio = radios(f"zmq:{endpoint}?pattern=reqrep", "rx")
    assert sink.poll(60_000)
    sink.close(0)  # dies with the request in its hands
    time.sleep(0.2)
    sink = context.socket(zmq.REP)
    sink.bind(endpoint)
    assert sink.poll(60_000)
    sink.recv()
    sink.send(wave(64).tobytes())
    np.testing.assert_array_equal(radio.receive(0, 64, timeout_s=60).data[0], wave(64))


@pytest.mark.parametrize("pattern", ["pubsub", "pushpull"])
def test_transmitting_to_a_source_that_connects(context, radios, pattern):
    endpoint = free_endpoint()
    radio = radios(f"zmq:{endpoint}?pattern={pattern}", "tx")
    source = context.socket(zmq.SUB if pattern == "pubsub" else zmq.PULL)
    if pattern == "pubsub":
        source.subscribe(b"")
    source.connect(endpoint)
    assert source.poll(60_000)  # the stream comes here by now
    burst = wave(3000)
    transmit_ahead(radio, burst)
    stream = collect(source, holds(burst))
    begin = np.flatnonzero(stream)[0]
    np.testing.assert_array_equal(stream[begin : begin + 3000], burst)
    assert not stream[begin + 3000 :].any() and radio.events() == []


@pytest.mark.parametrize(("pattern", "request_"), [("reqrep", struct.pack("<I", 700)), ("srsran", b"\xff")])
def test_transmitting_on_request_places_the_burst_by_count(context, radios, pattern, request_):
    endpoint = free_endpoint()
    radio = radios(f"zmq:{endpoint}?pattern={pattern}&pace=0", "tx")
    source = context.socket(zmq.REQ)
    source.connect(endpoint)
    burst = wave(3000)
    radio.transmit(Samples(burst[np.newaxis], 5000, 200e3))
    radio.idle_until(9000)
    stream = np.zeros(0, np.complex64)
    while stream.size < 9000:
        source.send(request_)
        assert source.poll(60_000)
        reply = np.frombuffer(source.recv(), np.complex64)
        assert reply.size <= (700 if pattern == "reqrep" else reply.size)
        stream = np.concatenate([stream, reply])
    expected = np.zeros(9000, np.complex64)
    expected[5000:8000] = burst
    np.testing.assert_array_equal(stream, expected)
    assert radio.now_tick() == 9000


def test_a_repeated_burst_keeps_its_phase(context, radios):
    endpoint = free_endpoint()
    radio = radios(f"zmq:{endpoint}?pattern=pushpull&repeat=1", "tx")
    assert radio.capabilities.repeat_transmit and not radio.capabilities.timed_transmit
    source = context.socket(zmq.PULL)
    source.connect(endpoint)
    first, second = np.zeros(5000, np.complex64), np.zeros(5000, np.complex64)
    first[:10], second[:10] = 0.5, 0.25
    radio.transmit(Samples(first[np.newaxis], 7, 200e3))
    stream = collect(source, lambda stream: np.count_nonzero(stream) >= 40)
    radio.transmit(Samples(second[np.newaxis], 12, 200e3))
    stream = np.concatenate([stream, collect(source, lambda stream: np.count_nonzero(stream == 0.25) >= 40)])
    assert {int(place) % 5000 for place in np.flatnonzero(stream == 0.5)} == set(range(7, 17))
    assert {int(place) % 5000 for place in np.flatnonzero(stream == 0.25)} == set(range(12, 22))
    radio.silence()
    collect(source, lambda stream: stream.size > 30_000 and not stream[-10_000:].any())


def test_a_paced_stream_keeps_real_time_and_drops_late_bursts(context, radios):
    endpoint = free_endpoint()
    radio = radios(f"zmq:{endpoint}?pattern=pubsub", "tx")
    began, first = time.monotonic(), radio.now_tick()
    time.sleep(0.5)

    def ahead_s():
        return (radio.now_tick() - first) / 200e3 - (time.monotonic() - began)

    while ahead_s() < -0.1:  # a busy machine may hold it up; then it catches up, which a slower stream never would
        assert time.monotonic() < began + 60
        time.sleep(0.02)
    assert ahead_s() < 0.1
    radio.transmit(Samples(wave(10)[np.newaxis], 5, 200e3))
    assert [event.kind for event in radio.events()] == [EventKind.LATE]


def test_transmitter_to_receiver_without_loss(context, radios):
    endpoint = free_endpoint()
    transmitter = radios(f"zmq:{endpoint}?pattern=pushpull&pace=0", "tx")
    receiver = radios(f"zmq:{endpoint}?pattern=pushpull&pace=0", "rx")
    data = wave(6_000_000)  # more than the receiver keeps
    transmitter.transmit(Samples(data[np.newaxis], 100, 200e3))
    time.sleep(0.5)
    got = receiver.receive(0, 6_000_100, timeout_s=60)
    assert not got.data[0, :100].any()
    np.testing.assert_array_equal(got.data[0, 100:], data)


def test_tags_in_the_stream_are_explained(context, radios):
    sink, endpoint = bound(context, zmq.PUSH)
    radio = radios(f"zmq:{endpoint}?pattern=pushpull", "rx")
    sink.send(b"x" * 19 + wave(4).tobytes())
    with pytest.raises(DeviceError, match="pass_tags off"):
        radio.receive(0, 4, timeout_s=60)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("tcp://127.0.0.1:1?pattern=x", "must be pubsub or pushpull or reqrep or srsran"),
        ("tcp://127.0.0.1:1?speed=9", "speed is not an option"),
        ("tcp://127.0.0.1:1?pattern", "not of the form"),
        ("tcp://127.0.0.1:1?pace=often", "must be 0 or 1"),
        ("nonsense", "cannot be connected to"),
    ],
)
def test_bad_addresses_are_one_sentence(address, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        open_radio(f"zmq:{address}", role="rx")


def test_an_occupied_port_a_wrong_role_and_a_closed_radio(context, radios):
    _held, endpoint = bound(context, zmq.PUB)
    with pytest.raises(DeviceError, match="cannot be bound: Address already in use"):
        open_radio(f"zmq:{endpoint}", role="tx")
    radio = radios(f"zmq:{endpoint}", "rx")
    with pytest.raises(DeviceError, match="does not transmit"):
        radio.transmit(Samples(wave(4)[np.newaxis], 0, 200e3))
    radio.close()
    radio.close()
    with pytest.raises(DeviceError, match="closed"):
        radio.now_tick()
