"""What strangers and broken programs send to the simulated air, over real sockets on 127.0.0.1."""

import os
import socket
import time

import numpy as np
import pytest
import zmq
from zmq.utils.monitor import recv_monitor_message

from radio.air.config import AirConfig
from radio.air.serving import endpoint, protocol
from radio.air.serving.server import AirServer

LEAST_SENT = 10  # messages that fit in the queues on the way


def test_garbage_is_counted_and_dropped(start, attach, noise_like, caplog):
    server = start(AirConfig.ideal())
    receiver = attach(server, "rx")
    good = protocol.Burst("nobody", 1, 0, 4e6, 1, 10)
    messages = [
        [b"garbage"],
        [b"", b"", b"", b""],
        [protocol.encode(good)],
        [protocol.encode(protocol.Now("nobody", 1)), b"extra"],
        [protocol.encode(protocol.Attach(1, "x", 1, "tx", 10_000))],
        [protocol.encode(protocol.Receive("nobody", 1, 1 << 60, 10))],
        [np.random.default_rng(0).bytes(5000)],
    ]
    with zmq.Context.instance().socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        dealer.connect(server.endpoint)
        for frames in messages:
            dealer.send_multipart(frames)
        with socket.create_connection(("127.0.0.1", int(server.endpoint.rsplit(":", 1)[1]))) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
        deadline = time.monotonic() + 60
        while server.counters["malformed"] < len(messages) and time.monotonic() < deadline:
            time.sleep(0.02)
    assert server.counters["malformed"] == len(messages)
    assert sum("malformed" in record.message for record in caplog.records) == 3  # said at the 1st, 2nd and 4th
    assert receiver.receive(0, 10).n_samples == 10


def test_a_wrong_protocol_version_is_refused(start, monkeypatch):
    server = start(AirConfig.ideal())
    monkeypatch.setattr(protocol, "PROTOCOL_VERSION", 99)
    server_version = 99
    with zmq.Context.instance().socket(zmq.DEALER) as dealer:
        dealer.connect(server.endpoint)
        dealer.send(protocol.encode(protocol.Attach(7, "x", 1, "rx", 0)))
        reply = protocol.decode_at_radio(dealer.recv())
    assert isinstance(reply, protocol.Refused) and f"version {server_version}" in reply.reason and "7" in reply.reason


def test_what_the_air_has_no_time_to_read_fills_no_memory():
    """A radio that sends without waiting for answers is held up; the air that is busy holds few of its messages."""
    server = AirServer(AirConfig(memory_samples=1 << 16), "tcp://127.0.0.1:*")
    context = zmq.Context()
    rude = context.socket(zmq.DEALER)
    rude.sndhwm = 1
    rude.connect(server.endpoint)
    sent, payload = 0, bytes(8 << 16)
    try:
        while rude.poll(60_000 if sent <= LEAST_SENT else 500, zmq.POLLOUT):
            rude.send_multipart([protocol.encode(protocol.Now("x", sent)), payload])
            sent += 1
            assert sent < 2 * endpoint.MAX_QUEUED + 200
        assert sent > LEAST_SENT
    finally:
        context.destroy(linger=0)
        server.close()


def test_a_message_that_does_not_end_is_cut_off_by_the_air(start, attach):
    server = start(AirConfig(memory_samples=1 << 16))
    context = zmq.Context()
    monitored = context.socket(zmq.DEALER)  # its descriptor, after the handshake, says what ZeroMQ would not
    events = monitored.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_CONNECTED)
    monitored.connect(server.endpoint)
    descriptor = recv_monitor_message(events)["value"]
    assert recv_monitor_message(events)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED
    part, end = b"\x03" + (1 << 17).to_bytes(8, "big") + bytes(1 << 17), time.monotonic() + 60
    with socket.socket(fileno=os.dup(descriptor)) as raw, pytest.raises(OSError):
        raw.setblocking(True)
        while time.monotonic() < end:
            raw.sendall(part)
            time.sleep(0.005)
    monitored.disable_monitor()
    context.destroy(linger=0)
    attach(server, "rx").now_tick()  # answered after the turn that cut has counted it
    assert server.counters["cut"] == 1
