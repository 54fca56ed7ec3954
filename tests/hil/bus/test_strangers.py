"""Strangers at the coordinator's port who speak ZeroMQ's own protocol: truncated, huge and replayed messages."""

import contextlib
import re
import socket
import struct
import threading
import time
import tracemalloc
from types import SimpleNamespace

import psutil
import pytest

from hil.bus import server as server_module
from hil.bus.client import BusClient
from hil.bus.keys import create_keys
from hil.bus.messages import PROTOCOL_VERSION, Bye, Envelope, Hello, Sent, encode
from hil.bus.server import BusServer
from hil.bus.wire import parse
from radio import backlog

HUGE = 100 << 20
SMALL = 32 << 20
GREETING_BYTES = 64


def greeting(mechanism=b"NULL"):
    """ZMTP 3.0 (RFC 23): what a connection begins with."""
    return b"\xff" + bytes(8) + b"\x7f\x03\x00" + mechanism.ljust(20, b"\0") + bytes(32)


def ready(identity):
    """The command READY of a DEALER with this identity."""
    pairs = ((b"Socket-Type", b"DEALER"), (b"Identity", identity))
    body = b"\x05READY" + b"".join(bytes([len(k)]) + k + struct.pack(">I", len(v)) + v for k, v in pairs)
    return b"\x04" + bytes([len(body)]) + body


def frame(content, more=False, command=False):
    return bytes([2 | more | 4 * command]) + struct.pack(">Q", len(content)) + content


@pytest.fixture
def server():
    made = BusServer("tcp://127.0.0.1:*")
    yield made
    made.close()


def connected(server, *parts):
    host, port = server.endpoint.removeprefix("tcp://").split(":")
    own = socket.create_connection((host, int(port)), 60)
    for part in parts:
        own.sendall(part)
    return own


def dealer(server, identity, *parts):
    """A connection whose handshake is over: what is pipelined with it ZeroMQ may leave unread."""
    own = connected(server, greeting())
    own.settimeout(60)
    heard = b""
    while len(heard) < GREETING_BYTES:
        heard += own.recv(4096) or pytest.fail("the coordinator hung up")
    own.sendall(ready(identity))
    while len(heard) < GREETING_BYTES + 3:
        heard += own.recv(4096) or pytest.fail("the coordinator hung up")
    for part in parts:
        own.sendall(part)
    return own


def until(server, ready, seconds=60.0):
    """Everything that counts until it is ready."""
    taken, end = [], time.monotonic() + seconds
    while not ready(taken):
        assert time.monotonic() < end, taken
        received = server.receive(0.05)
        if received is not None:
            taken.append(received)
    return taken


def still_hears(server):
    node = BusClient(server.endpoint, "tx1", heartbeat_s=60.0, timeout_s=600.0)
    node.send(Bye("here"))
    until(server, lambda taken: any(one.sender == "tx1" and one.body == Bye("here") for one in taken))
    node.close()


def resident():
    return psutil.Process().memory_info().rss


def until_free_again(most_bytes, seconds=60.0):
    """Threads of ZeroMQ's own give memory back when it is their turn."""
    end = time.monotonic() + seconds
    while resident() >= most_bytes:
        assert time.monotonic() < end, resident()
        time.sleep(0.05)


def message(number, name="tx0", body=None):
    return encode(Envelope(PROTOCOL_VERSION, name, number, 0.0, body or Sent(number, 1, 0)))


@pytest.mark.parametrize("cut", [3, 40, 70, 110, 150, -1])
def test_what_is_cut_off_anywhere_counts_for_nothing(server, cut):
    shaken, whole = greeting() + ready(b"tx0.stranger.0"), frame(message(1, body=Bye("cut" * 30)))
    if 0 <= cut < len(shaken):
        connected(server, shaken[:cut]).close()
    else:
        dealer(server, b"tx0.stranger.0", whole[: cut - len(shaken) if cut > 0 else cut]).close()
    still_hears(server)
    assert server.malformed == 0 and server.receive(0.1) is None


def test_a_message_of_100_megabytes_is_dropped_and_its_memory_is_free_again(server):
    before = resident()
    stranger = dealer(server, b"tx0.stranger.0")
    sending = threading.Thread(target=lambda: [stranger.sendall(frame(bytes(HUGE))) for _ in range(3)])
    sending.start()
    until(server, lambda _taken: server.malformed == 3)
    sending.join()
    still_hears(server)
    stranger.close()
    until_free_again(before + SMALL)


def test_a_huge_body_is_refused_before_it_is_copied():
    huge = SimpleNamespace(buffer=memoryview(bytes(HUGE)))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="at most"):
            parse([huge])
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_without_a_key_a_hundred_megabytes_get_nowhere(tmp_path):
    create_keys(tmp_path, ["tx0"])
    server = BusServer("tcp://127.0.0.1:*", tmp_path)
    try:
        before = resident()
        for mechanism in (b"CURVE", b"NULL"):
            stranger = connected(server, greeting(mechanism))
            with contextlib.suppress(OSError):
                stranger.sendall(frame(bytes(HUGE), command=True))
            with contextlib.suppress(ConnectionResetError):
                while stranger.recv(4096):  # closed by the coordinator
                    pass
            stranger.close()
        node = BusClient(server.endpoint, "tx0", heartbeat_s=0.05, timeout_s=600.0, keys_folder=tmp_path)
        until(server, lambda taken: any(one.sender == "tx0" for one in taken))
        node.close()
        assert server.malformed == server.refused == 0
        until_free_again(before + SMALL)
    finally:
        server.close()


class Wiretap(threading.Thread):
    """Between one node and the coordinator; keeps every byte that the node says."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self._listening.getsockname()[1]}"
        self._server, self.said = server, bytearray()

    def run(self):
        near, _ = self._listening.accept()
        far = connected(self._server)
        back = threading.Thread(target=self._pass, args=(far, near, bytearray()), daemon=True)
        back.start()
        self._pass(near, far, self.said)
        back.join()
        self._listening.close()

    @staticmethod
    def _pass(source, sink, kept):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                kept += data
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("gone", [False, True])
def test_what_a_node_said_counts_once_however_often_it_is_replayed(server, gone):
    tap = Wiretap(server)
    tap.start()
    node = BusClient(tap.endpoint, "tx0", heartbeat_s=60.0, timeout_s=600.0)
    node.send(Hello("tx", 0, 1, "digest"))
    for slot in range(5):
        node.send(Sent(slot, 1, 0), [bytes(100_000)])
    until(server, lambda taken: sum(isinstance(one.body, Sent) for one in taken) == 5)
    if gone:
        node.close()
    said = bytes(tap.said)
    messages = said[GREETING_BYTES + 2 + said[GREETING_BYTES + 1] :]  # behind greeting and READY
    [identity] = set(re.findall(rb"tx0\.[0-9a-f]+\.\d+", said))
    for _ in range(3):
        stranger = dealer(server, identity, messages)
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            received = server.receive(0.05)
            assert received is None or isinstance(received.body, Bye)  # the node's own farewell
        stranger.close()
    if not gone:
        node.send(Sent(9, 1, 0))
        [nine] = [one for one in until(server, bool) if isinstance(one.body, Sent)]
        assert nine.body.slot == 9
        node.close()
    still_hears(server)


def test_random_frames_behind_a_true_handshake_are_counted(server):
    stranger = dealer(server, b"rx.stranger.0")
    for content in (b"", b"x", bytes(5000), message(1)[:-3], message(1, "rx", Sent(1, 1, 0))):
        stranger.sendall(frame(content))
    until(server, lambda _taken: server.malformed + server.refused == 5)
    assert server.malformed == 4 and server.refused == 1
    stranger.close()
    still_hears(server)


def test_more_parts_than_a_message_has_are_dropped_with_it(server):
    stranger = dealer(server, b"tx0.stranger.0")
    stranger.sendall(b"".join(frame(b"part", more=True) for _ in range(1000)) + frame(b"the last"))
    until(server, lambda _taken: server.malformed == 1)
    stranger.close()
    still_hears(server)


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="the kernel does not count what a connection received")
def test_a_message_that_does_not_end_is_cut_off_and_others_go_on(monkeypatch):
    monkeypatch.setattr(server_module, "MAX_BACKLOG_BYTES", SMALL)
    monkeypatch.setattr(backlog, "LOOK_S", 0.0)  # else it is a second's worth of what the stranger's machine can send
    server, part = BusServer("tcp://127.0.0.1:*"), frame(bytes(1 << 20), more=True)
    stranger = dealer(server, b"tx0.stranger.0")

    def send():
        with contextlib.suppress(OSError):
            while True:
                stranger.sendall(part)
                time.sleep(0.002)

    before, sending = resident(), threading.Thread(target=send)
    sending.start()
    try:
        until(server, lambda _taken: server.cut == 1)
        sending.join(60)
        assert not sending.is_alive()
        still_hears(server)
        until_free_again(before + 4 * SMALL)
    finally:
        stranger.close()
        server.close()


def test_whole_messages_are_no_backlog_however_many(monkeypatch):
    monkeypatch.setattr(server_module, "MAX_BACKLOG_BYTES", SMALL)
    monkeypatch.setattr(backlog, "LOOK_S", 0.0)
    server = BusServer("tcp://127.0.0.1:*")
    node = BusClient(server.endpoint, "tx0", heartbeat_s=60.0, timeout_s=600.0)
    for slot in range(20):
        node.send(Sent(slot, 1, 0), [bytes(SMALL // 4)] * 2)
        until(server, lambda taken, slot=slot: [one.body.slot for one in taken if isinstance(one.body, Sent)] == [slot])
    node.close()
    assert server.cut == 0
    server.close()
