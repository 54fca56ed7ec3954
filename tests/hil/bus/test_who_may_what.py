"""A key is bound to names, a name to what it may say; revoked keys are out at once; nothing counts twice."""

import contextlib
import errno
import resource
import time

import pytest
import zmq

from hil.bus import key_ring
from hil.bus.client import BusClient
from hil.bus.key_ring import WHO, KeyRing
from hil.bus.keys import create_keys
from hil.bus.messages import (
    PROTOCOL_VERSION,
    Bye,
    CsiReport,
    Envelope,
    FrameDone,
    Heartbeat,
    Hello,
    Sent,
    Start,
    Stop,
    Telemetry,
    Truth,
    encode,
)
from hil.bus.roles import offence
from hil.bus.server import BusServer

REPORT = CsiReport(1, None, 0, 0, None, [])
SAYINGS = {
    "tx": Sent(1, 1, 0),
    "rx": FrameDone(1, 1),
    "rx ": REPORT,
    "rx  ": Telemetry(0, 0, None, b"", [], []),
    "air": Truth([]),
    "nobody": Start(100, 10),
    "nobody ": Stop(False, "now"),
}


@pytest.mark.parametrize("name", ["tx0", "tx1", "rx", "air", "observer-1", "observer", "txt", "tx", "coordinator", ""])
def test_a_name_decides_what_may_be_said(name):
    role = {"tx0": "tx", "rx": "rx", "air": "air"}.get(name)
    for whose, body in SAYINGS.items():
        assert (offence(name, body) is None) is (whose.strip() == role)
    assert offence(name, Heartbeat()) is None and offence(name, Hello("rx", None, 1, "")) is None


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(key_ring, "LOOK_S", 0.0)
    create_keys(tmp_path, ["tx0", "tx1", "rx", "observer"])
    return tmp_path


@pytest.fixture
def server(folder):
    made = BusServer("tcp://127.0.0.1:*", folder)
    yield made
    made.close()


@pytest.fixture
def client(server, folder):
    made = []

    def make(name, key=None):
        made.append(BusClient(server.endpoint, name, heartbeat_s=0.05, timeout_s=60.0, keys_folder=folder, key=key))
        return made[-1]

    yield make
    for each in made:
        each.close()


def heard(server, until, seconds=60.0):
    """Senders of what counts, until the condition holds."""
    names, end = [], time.monotonic() + seconds
    while not until(names):
        assert time.monotonic() < end, names
        received = server.receive(0.05)
        if received is not None:
            names.append(received.sender)
    return names


def test_a_key_takes_its_own_name_and_no_other(server, client):
    rx = client("rx")
    heard(server, lambda names: "rx" in names)
    client("rx", key="tx0")
    client("tx1", key="observer")
    client("observer-7", key="observer")
    names = heard(server, lambda names: "observer-7" in names and server.refused > 4)
    assert set(names) == {"rx", "observer-7"}
    server.send("rx", Start(100, 10))
    assert rx.receive(60.0).body == Start(100, 10)  # not to the one that called itself so


def test_a_revoked_key_is_out_without_a_restart_and_in_again(server, client, folder):
    tx0, rx = client("tx0"), client("rx")
    heard(server, lambda names: {"tx0", "rx"} <= set(names))
    key = folder / "authorized" / "tx0.key"
    kept = key.read_bytes()
    key.unlink()
    before = server.refused
    assert "tx0" not in heard(server, lambda names: server.refused > before + 2 and "rx" in names)[1:]
    server.send("tx0", Start(100, 10))
    server.send("rx", Start(200, 10))
    assert rx.receive(60.0).body == Start(200, 10) and tx0.receive(0.1) is None
    key.write_bytes(kept)
    heard(server, lambda names: "tx0" in names)


def test_the_file_says_who_may_what_and_an_unreadable_one_lets_nobody_in(folder):
    ring = KeyRing(folder)
    public = {name: zmq.auth.load_certificate(folder / f"{name}.key")[0].decode() for name in ("tx0", "rx", "observer")}
    assert ring.allows(public["tx0"], "tx0") and not ring.allows(public["tx0"], "tx1")
    assert ring.allows(public["observer"], "observer-1") and not ring.allows(public["observer"], "rx")
    (folder / WHO).write_text("tx0: [tx0, tx1]\n")
    assert ring.changed() and ring.allows(public["tx0"], "tx1") and not ring.allows(public["rx"], "rx")
    (folder / WHO).write_text("tx0: tx0\nrx: 5\n")
    assert ring.changed() and not ring.allows(public["tx0"], "tx0")
    (folder / WHO).write_text("# the last line is gone too\n")
    assert ring.changed() and not any(ring.allows(public[name], name) for name in public)
    (folder / WHO).unlink()  # keys of an earlier version
    assert ring.changed() and ring.allows(public["rx"], "rx") and not ring.allows(public["rx"], "air")
    assert ring.allows(public["observer"], "observer-1")


def test_a_key_that_goes_while_the_folder_is_read_is_no_fault(folder, monkeypatch):
    ring, key = KeyRing(folder), folder / "authorized" / "tx0.key"
    listed = type(folder).glob
    monkeypatch.setattr(type(folder), "exists", lambda path: True)  # it was there when it was listed
    monkeypatch.setattr(type(folder), "glob", lambda path, pattern: [*listed(path, pattern), key])
    key.unlink()
    assert ring.changed() and not ring.allows("anything", "tx0")


@pytest.fixture
def plain():
    server, context = BusServer("tcp://127.0.0.1:*"), zmq.Context()
    yield server, context
    context.destroy(linger=0)
    server.close()


def test_what_comes_twice_or_out_of_order_does_nothing(plain):
    server, context = plain
    socket = context.socket(zmq.DEALER)
    socket.identity = b"tx0.1"
    socket.connect(server.endpoint)
    for number in (1, 2, 2, 1, 5, 4, 6):
        socket.send(encode(Envelope(PROTOCOL_VERSION, "tx0", number, 0.0, Sent(number, 1, 0))))
    slots, end = [], time.monotonic() + 60.0
    while server.refused < 3 or len(slots) < 4:
        assert time.monotonic() < end
        received = server.receive(0.1)
        slots += [received.body.slot] if received else []
    assert slots == [1, 2, 5, 6] and server.refused == 3


def test_a_node_that_joins_again_takes_its_place_and_its_old_connection_counts_no_more(plain):
    server, context = plain
    old, new = context.socket(zmq.DEALER), context.socket(zmq.DEALER)
    for socket, identity in ((old, b"tx0.1"), (new, b"tx0.2")):
        socket.identity = identity
        socket.connect(server.endpoint)
        socket.send(encode(Envelope(PROTOCOL_VERSION, "tx0", 9, 0.0, Heartbeat())))
        assert heard(server, lambda names: names) == ["tx0"]
    old.send(encode(Envelope(PROTOCOL_VERSION, "tx0", 10, 0.0, Bye("late words"))))
    heard(server, lambda _: server.refused == 1)
    server.send("tx0", Start(100, 10))
    assert new.poll(60_000) and not old.poll(100)


@contextlib.contextmanager
def no_descriptor_free():
    """Whatever is open stays so."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("fails", ["all", "listing", "reading"])
def test_strangers_who_take_every_descriptor_shut_out_nobody(folder, monkeypatch, fails):
    """What a process without a free descriptor cannot read still holds, and is read when there is one again."""
    ring = KeyRing(folder)
    public = {name: zmq.auth.load_certificate(folder / f"{name}.key")[0].decode() for name in ("tx0", "rx")}

    def none_left(*_arguments, **_named):
        raise OSError(errno.EMFILE, "Too many open files")

    (folder / WHO).write_text(f"tx0: [tx0]\nrx: [rx]\n# {fails}\n")
    with monkeypatch.context() as starved:
        if fails == "listing":  # a descriptor comes free behind it
            starved.setattr("os.listdir", none_left)
            starved.setattr("os.scandir", none_left)
        elif fails == "reading":  # the last one is taken before it
            starved.setattr(type(folder), "read_text", none_left)
        with no_descriptor_free() if fails == "all" else contextlib.nullcontext():
            assert not ring.changed() and ring.allows(public["tx0"], "tx0") and ring.allows(public["rx"], "rx")
    (folder / WHO).write_text("tx0: [tx0]\n")
    assert ring.changed() and ring.allows(public["tx0"], "tx0") and not ring.allows(public["rx"], "rx")
    (folder / WHO).write_text("tx0: [tx0]\nrx: [rx]\n")
    assert ring.changed() and ring.allows(public["rx"], "rx")
