"""A message that cannot be sent is its sender's error, and a bus whose thread has died says so."""

import signal
import time

import pytest

from hil.bus.client import BusClient
from hil.bus.messages import Sent
from hil.bus.server import BusServer
from hil.errors import HilError, UsageError
from hil.nodes.node import leave


@pytest.fixture
def pair():
    server = BusServer("tcp://127.0.0.1:*")
    node = BusClient(server.endpoint, "tx0", heartbeat_s=0.05, timeout_s=60.0)
    yield server, node
    node.close()
    server.close()


def next_sent(server):
    end = time.monotonic() + 60.0
    while time.monotonic() < end:
        received = server.receive(0.1)
        if received is not None and isinstance(received.body, Sent):
            return received.body
    raise AssertionError("nothing was sent")


@pytest.mark.parametrize(
    ("body", "attachments"),
    [
        (Sent(slot=2**70, frame=1, user=0), ()),
        (Sent(slot=object(), frame=1, user=0), ()),
        (Sent(slot=1, frame=1, user=0, image_id="\ud800"), ()),
        (Sent(slot=1, frame=1, user=0), ["text"]),
        (Sent(slot=1, frame=1, user=0), [memoryview(b"abcd")[::2]]),
        (Sent(slot=1, frame=1, user=0), [b""] * 1000),
    ],
)
def test_what_cannot_be_sent_is_the_senders_error_and_the_next_message_arrives(pair, body, attachments):
    server, node = pair
    with pytest.raises(UsageError, match="a Sent cannot be sent"):
        node.send(body, attachments)
    node.send(Sent(slot=7, frame=1, user=0))
    assert next_sent(server).slot == 7


def test_a_dead_thread_is_an_error_for_who_sends_and_who_receives(pair, monkeypatch):
    _server, node = pair

    def broken(*_arguments):
        raise RuntimeError("no memory")

    monkeypatch.setattr(node, "_offer", broken)
    with pytest.raises(HilError, match="no memory"):
        node.receive(None)
    with pytest.raises(HilError, match="no memory"):
        node.receive(0.1)
    with pytest.raises(HilError, match="no memory"):
        node.send(Sent(slot=1, frame=1, user=0))


def test_a_node_whose_bus_is_dead_still_leaves_in_order(pair, monkeypatch):
    """What the bus died of is on its way up when `leave` runs; neither it nor the socket's end may be lost."""
    _server, node = pair
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(node, "_offer", lambda *_arguments: 1 / 0)
    with pytest.raises(HilError):
        node.receive(None)
    closed = []
    monkeypatch.setattr(node, "close", lambda close=node.close: closed.append(close()))
    try:
        with pytest.raises(KeyError, match="the first fault"):
            try:
                raise KeyError("the first fault")
            finally:
                leave(node, "it broke")
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert closed
