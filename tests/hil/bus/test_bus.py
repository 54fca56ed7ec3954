"""The bus over real sockets on 127.0.0.1: delivery, heartbeats, garbage, keys, an occupied port."""

import math
import time

import numpy as np
import pytest
import zmq

from hil.bus.client import BusClient
from hil.bus.keys import create_keys
from hil.bus.messages import PROTOCOL_VERSION, Bye, Envelope, Heartbeat, Sent, Start, encode
from hil.bus.presence import Silence
from hil.bus.server import BusServer
from hil.bus.wire import is_loopback
from hil.errors import UsageError


@pytest.fixture
def server():
    server = BusServer("tcp://127.0.0.1:*")
    yield server
    server.close()


@pytest.fixture
def stranger():
    """A socket that does not speak the bus protocol; closed even where a test fails."""
    context = zmq.Context()
    yield context.socket(zmq.DEALER)
    context.destroy(linger=0)


def client(server, name="tx0", **options):
    return BusClient(server.endpoint, name, **{"heartbeat_s": 0.05, "timeout_s": 60.0, **options})


def until(server, kind, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        received = server.receive(0.1)
        if received is not None and isinstance(received.body, kind):
            return received
    raise AssertionError(f"no {kind.__name__} within {seconds} s")


def until_malformed(server, count, seconds=60.0):
    """Nothing but malformed messages arrive, and count of them within the time."""
    end = time.monotonic() + seconds
    while server.malformed < count and time.monotonic() < end:
        assert server.receive(0.1) is None
    assert server.malformed == count


def test_attachments_arrive_bit_exact_in_both_directions(server):
    node = client(server)
    symbols = np.random.default_rng(1).standard_normal(200_000).astype(np.float32)
    node.send(Sent(slot=3, frame=1, user=0), [memoryview(symbols).cast("B"), b"small"])
    received = until(server, Sent)
    assert received.sender == "tx0"
    np.testing.assert_array_equal(np.frombuffer(received.attachments[0], np.float32), symbols)
    assert bytes(received.attachments[1]) == b"small"
    server.send("tx0", Start(1000, 100), [memoryview(symbols).cast("B")])
    answer = node.receive(60.0)
    assert answer is not None and answer.body == Start(1000, 100)
    np.testing.assert_array_equal(np.frombuffer(answer.attachments[0], np.float32), symbols)
    node.close()


def test_heartbeats_go_out_while_the_node_computes(server):
    node = client(server)
    for _ in range(3):
        until(server, Heartbeat)
    node.close()


def test_a_silent_coordinator_is_reported_as_the_end(server):
    node = client(server, timeout_s=0.4)
    silence = node.receive(60.0)
    assert silence is not None and isinstance(silence.body, Silence) and not silence.body.gone
    assert "silent" in silence.body.reason
    node.close()


def test_a_coordinator_that_dies_leads_nobody_at_once_and_has_gone_soon():
    server = BusServer("tcp://127.0.0.1:*")
    node = client(server, timeout_s=60.0)
    until(server, Heartbeat)
    server.send("tx0", Start(1000, 100))
    assert node.receive(60.0).body == Start(1000, 100) and math.isfinite(node.coordinator.led_s)
    server.close()
    gone = node.receive(60.0)
    assert gone is not None and isinstance(gone.body, Silence) and gone.body.gone
    assert node.coordinator.led_s == -math.inf
    node.close()


def test_garbage_is_counted_and_dropped_and_the_bus_goes_on(server, stranger):
    stranger.connect(server.endpoint)
    for frames in ([b"garbage"], [b""], [b"\x93\x01\x02", b"x"], [b"a"] * 40):
        stranger.send_multipart(frames)
    until_malformed(server, 4)
    node = client(server)
    node.send(Bye("still here"))
    until(server, Bye)


def test_a_node_cannot_speak_for_another(server, stranger):
    stranger.identity = b"tx7"
    stranger.connect(server.endpoint)
    stranger.send(encode(Envelope(PROTOCOL_VERSION, "rx", 1, 0.0, Bye("fake"))))
    until_malformed(server, 1)


def test_an_occupied_port_is_one_sentence(server):
    with pytest.raises(UsageError, match=r"cannot be bound: .*another coordinator may run there"):
        BusServer(server.endpoint)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("tcp://127.0.0.1:5", True),
        ("tcp://127.9.9.9:5", True),
        ("tcp://[::1]:5", True),
        ("tcp://localhost:5", True),
        ("tcp://0.0.0.0:5", False),
        ("tcp://*:5", False),
        ("tcp://example.org:5", False),
    ],
)
def test_what_counts_as_loopback(endpoint, expected):
    assert is_loopback(endpoint) is expected


def test_off_loopback_without_keys_is_refused():
    with pytest.raises(UsageError, match="keys"):
        BusServer("tcp://0.0.0.0:0")


def test_known_keys_are_let_in_and_unknown_ones_are_not(tmp_path):
    create_keys(tmp_path / "lab", ["tx0"])
    create_keys(tmp_path / "stranger", ["tx0"])
    # The stranger knows the server's public key, but its own key is not authorised.
    for name in ("coordinator.key",):
        (tmp_path / "stranger" / name).write_bytes((tmp_path / "lab" / name).read_bytes())
    server = BusServer("tcp://127.0.0.1:*", tmp_path / "lab")
    try:
        good = client(server, keys_folder=tmp_path / "lab")
        good.send(Bye("hello"))
        assert until(server, Bye).body == Bye("hello")
        good.close()
        bad = client(server, keys_folder=tmp_path / "stranger")
        bad.send(Bye("let me in"))
        with pytest.raises(AssertionError):
            until(server, Bye, seconds=1.0)
        bad.close()
        plain = client(server)
        plain.send(Bye("no keys at all"))
        with pytest.raises(AssertionError):
            until(server, Bye, seconds=1.0)
        plain.close()
    finally:
        server.close()


def test_secret_keys_are_private_files_and_never_overwritten(tmp_path):
    made = create_keys(tmp_path, ["tx0", "rx"])
    assert len(made) == 3
    assert all(path.stat().st_mode & 0o077 == 0 for path in made)
    before = [path.read_bytes() for path in made]
    assert create_keys(tmp_path, ["tx0", "rx"]) == []
    assert [path.read_bytes() for path in made] == before


def test_a_missing_key_names_the_file_and_the_command(tmp_path):
    with pytest.raises(UsageError, match="semnoma-hil keys"):
        BusServer("tcp://127.0.0.1:*", tmp_path)
