"""The coordinator against scripted nodes on a real bus: order of slots, lost and late nodes, refusals.

No test here waits for a timeout of the coordinator's, nor is there one that a busy machine could exceed.
"""

import math
import threading
import time
from types import SimpleNamespace

import pytest

from hil.bus.client import BusClient
from hil.bus.messages import Bye, CsiReport, FrameDone, Grant, Hello, NodeLost, Refused, Sent, Start, Stop, UserCsi
from hil.bus.server import BusServer
from hil.bus.wire import Received
from hil.config import load_config
from hil.errors import HilError
from hil.nodes import coordinator
from hil.nodes.coordinator import Coordinator
from hil.nodes.members import Node

PATIENT = {
    "bus.heartbeat_s": 0.05,
    "bus.node_timeout_s": 200.0,
    "bus.frame_timeout_s": 200.0,
    "bus.join_timeout_s": 200.0,
    "bus.rejoin_timeout_s": 200.0,
}


class Lab:
    """A coordinator in a thread, and clients that a test drives."""

    def __init__(self, frames=3, needs_air=False, supervised=False, **overrides):
        self.config = load_config(None, {**PATIENT, "feedback.probe_slots": 1, "frames": frames, **overrides})
        self.server = BusServer("tcp://127.0.0.1:*")
        self.events = []
        self.coordinator = Coordinator(
            self.config,
            self.server,
            range(frames),
            needs_air=needs_air,
            on_event=self.events.append,
            supervised=supervised,
        )
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self.clients = {}

    def _run(self):
        try:
            self.coordinator.run()
        except HilError as error:
            self.error = error

    def client(self, name):
        self.clients[name] = BusClient(self.server.endpoint, name, heartbeat_s=0.05, timeout_s=200.0)
        return self.clients[name]

    def join(self, name, burst=0, digest=None):
        client = self.client(name)
        user = int(name[2:]) if name.startswith("tx") else None
        role = "tx" if user is not None else name
        client.send(Hello(role, user, 1, digest or self.config.digest(), max_burst_samples=burst))
        return client

    def fall_silent(self, name):
        """As a node that is frozen: without a word, and already for longer than the coordinator waits."""
        self.clients.pop(name).close()
        while node := self.coordinator.nodes.get(name):
            node.heard = -math.inf  # again, where a last heartbeat was still on its way
            time.sleep(0.01)

    def leave(self):
        """All nodes say goodbye, so that a coordinator that has finished ends."""
        for client in self.clients.values():
            client.send(Bye())
            client.close()
        self.clients = {}
        self.thread.join(100)

    def close(self):
        self.coordinator.members.ended = "the test is over"
        self.leave()
        self.server.close()


@pytest.fixture
def lab():
    labs = []

    def make(**options):
        labs.append(Lab(**options))
        return labs[-1]

    yield make
    for made in labs:
        made.close()


def next_of(client, kind, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        received = client.receive(0.1)
        if received is not None and isinstance(received.body, kind):
            return received
    raise AssertionError(f"no {kind.__name__}")


def answer(receiver, grant, users=(0, 1)):
    csi = [UserCsi(user, 1.0 + user, 0.0, 1.0, 0.0, 7.0) for user in users]
    receiver.send(CsiReport(grant.slot, grant.frame, grant.slot_tick + 100, 0, 10.0, csi))
    if grant.frame is not None:
        receiver.send(FrameDone(grant.frame, len(users)))


def test_slots_come_in_order_and_carry_the_last_csi(lab):
    here = lab()
    first, second, receiver = here.join("tx0", 700), here.join("tx1", 900), here.join("rx")
    start = next_of(receiver, Start).body
    guard = here.config.radio.guard_samples
    assert start == Start(900 + 2 * guard, guard)
    previous = None
    for slot, frame in enumerate([None, 0, 1, 2]):
        grant = next_of(receiver, Grant).body
        assert (grant.slot, grant.frame) == (slot, frame)
        assert grant == next_of(first, Grant).body == next_of(second, Grant).body
        assert (grant.csi.slot if grant.csi else None) == previous
        answer(receiver, grant)
        previous = slot
    assert next_of(first, Stop).body.complete
    here.leave()
    assert not here.thread.is_alive() and here.error is None


def test_the_coordinator_stays_until_every_node_has_left_or_is_given_up(lab):
    here = lab(frames=1)
    nodes = [here.join(name) for name in ("tx0", "tx1", "rx")]
    for _slot in range(2):
        answer(nodes[2], next_of(nodes[2], Grant).body)
    for node in nodes:
        assert next_of(node, Stop).body.complete
    for node in nodes:
        time.sleep(0.2)
        assert here.thread.is_alive()
        node.send(Bye())
    here.thread.join(60)
    assert not here.thread.is_alive() and here.error is None
    silent = lab(frames=1)
    nodes = [silent.join(name) for name in ("tx0", "tx1", "rx")]
    bus = silent.config.bus.model_copy(update={"node_timeout_s": 0.5})
    silent.coordinator.config = silent.config.model_copy(update={"bus": bus})  # its members keep their patience
    for _slot in range(2):
        answer(nodes[2], next_of(nodes[2], Grant).body)
    assert next_of(nodes[2], Stop).body.complete
    silent.thread.join(60.0)
    assert not silent.thread.is_alive() and silent.error is None


def test_the_air_hears_of_the_end_when_the_others_have_left(lab):
    """A transmitter that hears of it late over a bad link must not find its radio gone."""
    here = lab(frames=1, needs_air=True)
    air, *nodes = [here.join(name) for name in ("air", "tx0", "tx1", "rx")]
    for _slot in range(2):
        answer(nodes[2], next_of(nodes[2], Grant).body)
    for node in nodes:
        assert next_of(node, Stop).body.complete
    heard = []
    while (message := air.receive(0.3)) is not None:
        heard.append(message.body)
    assert heard and not any(isinstance(body, Stop) for body in heard)
    for node in nodes:
        node.send(Bye())
    assert next_of(air, Stop).body.complete
    here.leave()
    assert not here.thread.is_alive() and here.error is None


@pytest.mark.parametrize(("frozen", "waits"), [({"tx0"}, 1), ({"air"}, 1), ({"tx0", "air"}, 2)])
def test_a_frozen_node_is_waited_for_once_at_the_end(monkeypatch, frozen, waits):
    """The end takes bus.node_timeout_s longer for it, and no multiple of that."""
    now_s = [0.0]

    def receive(timeout_s):
        now_s[0] += timeout_s
        return Received(leaving.pop(0), Bye(), [], 0) if leaving else None

    def send(name, body):
        if isinstance(body, Stop) and name not in frozen:
            leaving.append(name)

    leaving, bus = [], SimpleNamespace(malformed=0, receive=receive, send=send)
    config = load_config(None, {"bus.node_timeout_s": 5})
    ending = Coordinator(config, bus, range(1), needs_air=True)
    ending.observers = SimpleNamespace(update=lambda *_, **__: None, take=lambda _: False, stop=lambda _: None)
    monkeypatch.setattr(coordinator, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    for name in ("air", "tx0", "tx1", "rx"):
        ending.nodes[name] = Node(name, name, None, 0.0, Hello(name, None, 1, ""), 0)
    ending._end(Stop(True, ""))
    assert ending.nodes.keys() == frozen and now_s[0] == pytest.approx(5 * waits, abs=0.5)


def test_what_was_sent_is_forwarded_to_the_receiver_with_its_attachments(lab):
    here = lab(frames=1)
    first, _second, receiver = here.join("tx0"), here.join("tx1"), here.join("rx")
    grant = next_of(receiver, Grant).body
    first.send(Sent(slot=grant.slot, frame=None, user=0, image_id="cat.png"), [b"pixels", b"symbols"])
    received = next_of(receiver, Sent)
    assert received.body.image_id == "cat.png"
    assert [bytes(part) for part in received.attachments] == [b"pixels", b"symbols"]


def test_a_transmitter_that_falls_silent_is_reported_and_the_rest_go_on(lab):
    here = lab()
    _first, _second, receiver = here.join("tx0"), here.join("tx1"), here.join("rx")
    answer(receiver, next_of(receiver, Grant).body)
    grant = next_of(receiver, Grant).body
    here.fall_silent("tx1")
    lost = next_of(receiver, NodeLost).body
    assert lost.user == 1 and "silent" in lost.reason
    answer(receiver, grant, users=[0])
    grant = next_of(receiver, Grant).body
    assert grant.lost_users == [1]
    answer(receiver, grant, users=[0])
    answer(receiver, next_of(receiver, Grant).body, users=[0])
    assert next_of(receiver, Stop).body.complete
    assert any("tx1 is lost" in event for event in here.events)


def test_a_transmitter_that_comes_back_is_taken_in_again(lab):
    here = lab(frames=4)
    _first, second, receiver = here.join("tx0"), here.join("tx1"), here.join("rx")
    answer(receiver, next_of(receiver, Grant).body)
    grant = next_of(receiver, Grant).body
    second.send(Bye("changing the antenna"))
    next_of(receiver, NodeLost)
    second.close()
    second = here.join("tx1")
    next_of(second, Start)
    answer(receiver, grant, users=[0])
    assert next_of(receiver, Grant).body.lost_users == []
    assert any("back" in event for event in here.events)


def test_a_transmitter_that_is_stopped_with_the_others_ends_the_run(lab):
    here = lab(frames=4, supervised=True)
    _first, second, receiver = here.join("tx0"), here.join("tx1"), here.join("rx")
    answer(receiver, next_of(receiver, Grant).body)
    grant = next_of(receiver, Grant).body
    second.send(Bye("SIGTERM"))
    answer(receiver, grant, users=[0])
    stop = next_of(receiver, Stop).body
    assert not stop.complete and "tx1" in stop.reason


def test_a_lost_receiver_ends_the_run_with_a_reason(lab):
    here = lab()
    first, _second, receiver = here.join("tx0"), here.join("tx1"), here.join("rx")
    next_of(first, Grant)
    receiver.send(Bye("its radio is gone"))
    stop = next_of(first, Stop).body
    assert not stop.complete and "rx" in stop.reason and "radio is gone" in stop.reason


def test_nodes_that_do_not_join_are_named(lab):
    here = lab()
    first = here.join("tx0")
    while not any("tx0 joined" in event for event in here.events):
        time.sleep(0.01)
    here.coordinator._joining._timeout_s = 0.0
    reason = next_of(first, Stop).body.reason
    assert "tx1, rx did not join" in reason and "tx1 was never heard" in reason
    here.leave()
    assert str(here.error) == reason


def test_a_node_is_heard_before_it_joins_and_that_is_what_is_said_of_it(lab):
    here = lab(**{"bus.join_timeout_s": 3600})
    here.join("tx0"), here.join("tx1")
    here.client("rx")  # its heartbeats, as while it loads its networks
    joining = lambda: here.coordinator._joining  # noqa: E731
    while not joining() or "rx" not in joining()._heard_s:
        assert here.thread.is_alive()
        time.sleep(0.01)
    assert here.error is None and "rx" not in here.coordinator.nodes


def test_another_configuration_is_refused(lab):
    here = lab()
    client = here.join("tx0", digest="0123")
    assert "configuration" in next_of(client, Refused).body.reason
    client = here.join("tx5")
    assert "user 5" in next_of(client, Refused).body.reason


def test_a_receiver_that_never_reports_does_not_hang_the_run(lab):
    here = lab(**{"bus.frame_timeout_s": 0.5})
    first, _second, _receiver = here.join("tx0"), here.join("tx1"), here.join("rx")
    assert "has not reported slot 0" in next_of(first, Stop).body.reason


def test_a_slot_granted_ahead_carries_the_csi_of_the_slots_before(lab):
    here = lab(frames=4, needs_air=True, **{"feedback.slots_ahead": 1})
    _first, _second, receiver = here.join("tx0"), here.join("tx1"), here.join("rx")
    here.join("air")
    answer(receiver, next_of(receiver, Grant).body)  # the probe
    first, second = next_of(receiver, Grant).body, next_of(receiver, Grant).body  # nothing reported between them
    assert (first.frame, first.csi.slot, second.frame, second.csi.slot) == (0, 0, 1, 0)
    answer(receiver, first)
    third = next_of(receiver, Grant).body
    assert (third.frame, third.csi.slot) == (2, first.slot)
    answer(receiver, second)
    answer(receiver, third)
    fourth = next_of(receiver, Grant).body
    assert (fourth.frame, fourth.csi.slot) == (3, second.slot)
    answer(receiver, fourth)
    assert next_of(receiver, Stop).body.complete
