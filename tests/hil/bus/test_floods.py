"""Who floods the bus, does not read, or only half connects costs a bounded memory and stops nobody else."""

import socket
import threading
import time

import pytest
import zmq

from hil.bus import server as server_module
from hil.bus.allowance import Allowance
from hil.bus.client import BusClient
from hil.bus.messages import PROTOCOL_VERSION, Bye, Envelope, Heartbeat, Start, encode
from hil.bus.server import BusServer

LARGE = bytes(1 << 16)
BUFFERED = 2 * server_module.MAX_QUEUED + 200  # what ZeroMQ queues, and what the kernel does of messages this large


@pytest.fixture
def server():
    made = BusServer("tcp://127.0.0.1:*")
    yield made
    made.close()


@pytest.fixture
def rude(server):
    """A bare socket of a node tx0; closed even where a test fails."""
    context = zmq.Context()
    made = context.socket(zmq.DEALER)
    made.identity, made.sndhwm, made.rcvhwm = b"tx0.1", 1, 1
    made.connect(server.endpoint)
    yield made
    context.destroy(linger=0)


def message(number):
    return encode(Envelope(PROTOCOL_VERSION, "tx0", number, 0.0, Heartbeat()))


def test_others_are_heard_while_one_floods_and_it_is_said_who(server, rude, monkeypatch):
    monkeypatch.setattr(server_module, "MAX_RATE_HZ", 100)
    monkeypatch.setattr(server_module, "MAX_BURST", 50)
    stopped = threading.Event()

    def flood():
        number = 0
        while not stopped.is_set():
            number += 1
            if rude.poll(100, zmq.POLLOUT):
                rude.send(message(number))

    flooding = threading.Thread(target=flood)
    flooding.start()
    other = BusClient(server.endpoint, "tx1", heartbeat_s=60.0, timeout_s=600.0)
    end, heard, flooded = time.monotonic() + 60.0, 0, []
    try:
        for number in range(5):
            other.send(Bye(str(number)))
            while (received := server.receive(0.1)) is None or received.sender != "tx1":
                assert time.monotonic() < end
                heard += received is not None
        while server.flooded < 200:
            assert time.monotonic() < end
            heard += server.receive(0.1) is not None
        flooded = server.trouble()
    finally:
        stopped.set()
        flooding.join()
        other.close()
    assert any("tx0 floods the bus" in sentence for sentence in flooded)
    assert heard < 50 + 100 * 61  # the rest is dropped unread


def test_a_flood_is_said_again_only_when_it_has_doubled(server):
    told = []
    for count in range(1, 100):
        server.flooded = count
        told += server.trouble()
    assert len(told) == 7


def test_what_nobody_reads_yet_fills_no_memory(server, rude):
    sent = 0
    while rude.poll(500, zmq.POLLOUT):
        rude.send_multipart([message(sent + 1), LARGE])
        sent += 1
        assert sent < BUFFERED
    assert sent > 10


def test_a_reader_that_does_not_read_fills_no_memory_and_holds_nobody_up(server, rude):
    rude.send(message(1))
    while server.receive(0.1) is None:
        pass
    for _ in range(4 * BUFFERED):
        server.send("tx0", Start(1, 1), [LARGE])
    server.send("tx0", Start(1, 1))
    received = 0
    while rude.poll(1000):
        rude.recv_multipart()
        received += 1
    assert 10 < received < BUFFERED


def test_connections_that_say_nothing_keep_nobody_out_and_are_closed(monkeypatch):
    monkeypatch.setattr(server_module, "HANDSHAKE_MS", 500)
    server = BusServer("tcp://127.0.0.1:*")
    host, port = server.endpoint.removeprefix("tcp://").split(":")
    silent = [socket.create_connection((host, int(port)), 60) for _ in range(100)]
    silent[0].sendall(b"\xff\0\0\0")
    node = BusClient(server.endpoint, "tx1", heartbeat_s=0.05, timeout_s=60.0)
    try:
        node.send(Bye("here"))
        end = time.monotonic() + 60.0
        while (received := server.receive(0.1)) is None or not isinstance(received.body, Bye):
            assert time.monotonic() < end
        for one in silent:
            one.settimeout(20.0)  # ZeroMQ's own patience is 30 s
            while one.recv(100):
                pass
    finally:
        node.close()
        server.close()
        for one in silent:
            one.close()


def test_an_allowance_is_a_burst_and_a_rate():
    now = [0.0]
    allowance = Allowance(10.0, 3, lambda: now[0])
    assert [allowance.take() for _ in range(5)] == [True, True, True, False, False]
    now[0] += 0.25
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    now[0] -= 3600.0  # a clock that is set back gives and takes nothing
    assert not allowance.take()
    now[0] += 0.1
    assert allowance.take() and not allowance.take()
    now[0] += 1000.0
    assert sum(allowance.take() for _ in range(10)) == 3
