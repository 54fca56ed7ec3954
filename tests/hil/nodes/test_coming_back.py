"""Nodes that were frozen or cut off come back by themselves, and what could not be sent meanwhile is sent again."""

from types import SimpleNamespace

import numpy as np
import pytest

from hil.bus.messages import CsiReport, Forgotten, FrameDone, Grant, Heartbeat, Hello, NodeLost, Sent, Start, Stop
from hil.bus.presence import Silence
from hil.bus.wire import Received
from hil.config import load_config
from hil.errors import HilError
from hil.nodes import members, transmitter_setup
from hil.nodes.members import Members
from hil.nodes.node import Apart, keep_place
from hil.nodes.receiver import ReceiverNode
from hil.session.slot import Slot
from radio.errors import DeviceError, DeviceGone
from radio.samples import Samples
from tests.hil.nodes.test_coordinator import answer, lab, next_of  # noqa: F401


def test_a_silent_receiver_is_waited_for_and_told_again_what_it_has_missed(lab):  # noqa: F811
    here = lab(frames=2)
    first, receiver = here.join("tx0"), here.join("rx")
    here.join("tx1")
    answer(receiver, next_of(receiver, Grant).body)
    missed = next_of(receiver, Grant).body
    here.fall_silent("rx")
    assert next_of(first, NodeLost).body.role == "rx"
    receiver = here.client("rx")
    assert isinstance(next_of(receiver, Forgotten).body, Forgotten)  # its heartbeat is answered so
    receiver.send(Hello("rx", None, 1, here.config.digest()))
    next_of(receiver, Start)
    assert next_of(receiver, Grant).body == missed
    answer(receiver, missed)
    answer(receiver, next_of(receiver, Grant).body)
    assert next_of(first, Stop).body.complete


def test_what_could_not_be_sent_is_sent_again_behind_the_last_frame(lab):  # noqa: F811
    here = lab(frames=3)
    receiver = here.join("rx")
    here.join("tx0"), here.join("tx1")
    granted = []
    for again in ([], [1], [], [0, 1], [1], []):
        grant = next_of(receiver, Grant).body
        granted.append((grant.slot, grant.frame))
        answer(receiver, grant.__class__(grant.slot, None, grant.slot_tick, None))
        if grant.frame is not None:
            receiver.send(FrameDone(grant.frame, 1, again))
    # probe, frames 0 (user 1 missing), 1, 2 (both missing); then 0 and 2 again, of which 0 fails once more
    assert granted == [(0, None), (1, 0), (2, 1), (3, 2), (4, 0), (5, 2)]
    grant = next_of(receiver, Grant).body
    assert (grant.slot, grant.frame) == (6, 0)
    receiver.send(FrameDone(0, 2))
    answer(receiver, grant)
    assert next_of(receiver, Stop).body.complete


def test_the_receiver_does_not_wait_for_what_a_transmitter_wanted_to_say_before_it_joined_again(lab):  # noqa: F811
    here = lab(frames=2)
    receiver = here.join("rx")
    here.join("tx0"), here.join("tx1")
    next_of(receiver, Grant)
    here.clients["tx1"].send(Hello("tx", 1, 1, here.config.digest()))  # it was apart, for whatever reason
    lost = next_of(receiver, NodeLost).body
    assert (lost.role, lost.user) == ("tx", 1)


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(members, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def some_members(events, **config):
    chosen = load_config(None, {"bus.node_timeout_s": 5, "bus.rejoin_timeout_s": 40, **config})
    made = Members(chosen, SimpleNamespace(send=lambda *_: None), True, False, events.append)
    for name in made.expected():
        user = int(name[2:]) if name.startswith("tx") else None
        made.welcome(name, Hello("tx" if user is not None else name, user, 1, ""))
    return made


def test_a_coordinator_that_was_frozen_loses_nobody(clock):
    events = []
    here = some_members(events)
    here.look(True)
    clock[0] += 30.0
    here.look(True)
    assert not here.absent() and here.ended is None
    for _ in range(11):
        clock[0] += 0.5
        here.look(True)
    assert len(here.absent()) == 4  # who is silent while it looks is lost


@pytest.mark.parametrize("gone", [["rx"], ["air"], ["tx0", "tx1"]])
def test_without_these_nothing_goes_on_until_they_are_back_or_given_up(clock, gone):
    here = some_members([])
    for name in gone:
        here.lose(here.nodes[name], "silent", begun=True)
    assert here.away() == gone and here.ended is None
    for _ in range(100):
        clock[0] += 0.5
        for node in here.nodes.values():
            node.heard = clock[0]
        here.look(True)
    assert gone[-1] in here.ended


def test_what_a_cut_link_delivers_at_once_is_answered_once(clock):
    here = some_members([])
    here.lose(here.nodes["rx"], "silent", begun=True)
    assert [here.is_to_join_again("rx") for _ in range(3)] == [True, False, False]
    clock[0] += here.config.bus.heartbeat_s + 0.01
    assert here.is_to_join_again("rx") and not here.is_to_join_again("tx7")


def test_one_silent_transmitter_of_two_stops_nobody(clock):
    here = some_members([])
    here.lose(here.nodes["tx1"], "silent", begun=True)
    assert here.away() == [] and here.lost_users == {1} and here.may_return(1)
    here.welcome("tx1", Hello("tx", 1, 1, ""))
    assert not here.lost_users and not here.silent


def test_a_transmitter_without_a_user_is_refused():
    here = some_members([])
    hello = Hello("tx", None, 1, here.config.digest())
    assert "without a user" in here.refusal("txNone", hello) and "without a user" in here.refusal("tx0", hello)
    assert not here.refusal("tx1", Hello("tx", 1, 1, here.config.digest()))


def test_receiver_and_air_say_hello_again_until_their_coordinator_is_dead(monkeypatch):
    said = []
    bus = SimpleNamespace(send=said.append, coordinator=SimpleNamespace(heard_s=100.0))
    hello = Hello("rx", None, 1, "")
    monkeypatch.setattr("hil.nodes.node.time", SimpleNamespace(monotonic=lambda: 130.0))
    assert keep_place(bus, hello, Forgotten(), 40.0) is None
    assert keep_place(bus, hello, Silence("silent", gone=False), 40.0) is None
    assert said == [hello, hello]
    assert not keep_place(bus, hello, Silence("silent", gone=False), 20.0).complete
    assert keep_place(bus, hello, Silence("dead", gone=True), 40.0).reason == "dead"


@pytest.mark.parametrize(("faults", "sessions"), [(1, 2), (100, transmitter_setup.MAX_REOPENED + 1)])
def test_a_transmitter_opens_its_radio_again_but_not_for_ever(monkeypatch, faults, sessions):
    opened, closed = [], []
    bus = SimpleNamespace(
        coordinator=SimpleNamespace(heard=True, heard_s=1e12, led_s=0.0, silent=False),
        close=lambda: closed.append(1),
        send=lambda _: None,
    )
    radio = SimpleNamespace(
        uri="fake:",
        calibration=None,
        configure=lambda asked: asked,
        watch=lambda _: None,
        silence=lambda: None,
        close=lambda: None,
    )

    class Node:
        def __init__(self, *_):
            pass

        def run(self):
            if len(opened) <= faults:
                raise DeviceError("The air no longer knows this radio; open it again.")
            return Stop(True, "")

    for name, value in {
        "SemanticEncoder": SimpleNamespace(load=lambda *_, **__: None),
        "open_images": lambda *_, **__: None,
        "stop_on_signals": lambda: None,
        "connect": lambda *_: bus,
        "leave": lambda *_: None,
        "open_radio": lambda *_, **__: opened.append(1) or radio,
        "with_calibration": lambda it, *_: it,
        "carrier_start_hz": lambda _: 0.0,
        "TransmitterNode": Node,
    }.items():
        monkeypatch.setattr(transmitter_setup, name, value)
    if faults == 1:
        transmitter_setup.run_transmitter(load_config(), 0)
    else:
        with pytest.raises(Apart, match="open it again"):
            transmitter_setup.run_transmitter(load_config(), 0)
    assert len(opened) == sessions


@pytest.mark.parametrize(("told", "gone"), [(Stop(True, ""), False), (None, False), (None, True)])
def test_a_transmitter_whose_air_has_gone_listens_whether_the_run_is_over(monkeypatch, told, gone):
    news = [Heartbeat(), *([told] if told else [])]
    bus = SimpleNamespace(
        coordinator=SimpleNamespace(led_s=0.0, gone=gone),
        receive=lambda _: Received("coordinator", news.pop(0)) if news else None,
    )
    silenced = []
    radio = SimpleNamespace(
        uri="fake:", calibration=None, configure=lambda asked: asked, watch=lambda _: None, close=lambda: None,
        silence=lambda: silenced.append(1),
    )  # fmt: skip

    class Node:
        def __init__(self, *_):
            pass

        def run(self):
            raise DeviceGone("The simulated air has gone.")

    for name, value in {
        "open_radio": lambda *_, **__: radio,
        "with_calibration": lambda it, *_: it,
        "carrier_start_hz": lambda _: 0.0,
        "TransmitterNode": Node,
    }.items():
        monkeypatch.setattr(transmitter_setup, name, value)
    config = load_config(None, {"bus.node_timeout_s": 0.5})
    if told:
        assert transmitter_setup._serve(config, 0, bus, None, None, None, None) == told
    else:
        with pytest.raises(DeviceGone):
            transmitter_setup._serve(config, 0, bus, None, None, None, None)
    assert silenced == [1]


SAMPLES = Samples(np.zeros((1, 1000), np.complex64), 0, 4e6)


class FailingRadio:
    def __init__(self, *errors):
        self.errors, self.closed = list(errors), False

    def receive(self, *_, **__):
        if self.errors:
            raise self.errors.pop()
        return SAMPLES

    def close(self):
        self.closed = True


@pytest.mark.parametrize(("error", "opens"), [(DeviceError("asleep"), True), (DeviceGone("gone"), False)])
def test_a_receiver_opens_a_radio_that_slept_and_not_one_that_has_gone(error, opens):
    bus = SimpleNamespace(send=lambda *_: None)
    first, second = FailingRadio(error), FailingRadio()
    node = ReceiverNode(load_config(), bus, first, SimpleNamespace(), reopen=lambda: second)
    slot = Slot(Grant(3, 0, 0, None), Start(1000, 100))
    if opens:
        samples, arrivals = node._samples_after_all(slot)
        assert samples.data is SAMPLES.data and not arrivals and first.closed and node.radio is second
    else:
        with pytest.raises(DeviceGone):
            node._samples_after_all(slot)


def test_a_grant_that_is_told_twice_is_served_once_and_reported_again():
    """The report may be what the break has swallowed: silence would let the coordinator wait for it in vain."""
    said = []
    node = ReceiverNode(load_config(), SimpleNamespace(send=said.append), None, SimpleNamespace())
    grant = Grant(3, 0, 0, None)
    slot = node._slots[3] = Slot(grant, Start(1000, 100))
    assert node._served(grant) is None
    slot.csi = CsiReport(3, 0, 0, 9, float("nan"), [])
    assert node._served(grant) is slot.csi and node._served(Grant(3, 0, 5, None)) is None
    messages = [Received("coordinator", body) for body in (grant, Stop(True, ""))]
    node.bus.receive = lambda _timeout_s: messages.pop(0)
    node._slot = None  # not called
    assert node._serve(slot.start).complete and said == [slot.csi]


def test_a_report_that_is_told_twice_is_learnt_from_once(lab):  # noqa: F811
    here = lab(frames=2)
    receiver = here.join("rx")
    here.join("tx0"), here.join("tx1")
    learnt: list[int] = []
    for _slot in range(3):
        grant = next_of(receiver, Grant).body
        here.coordinator._grants._control = SimpleNamespace(
            take=lambda report: learnt.append(report.slot), commands=lambda *_: []
        )
        answer(receiver, grant)
        answer(receiver, grant)
    assert next_of(receiver, Stop).body.complete and learnt == [0, 1, 2]


def test_a_lost_transmitter_is_not_waited_for():
    node = ReceiverNode(load_config(), SimpleNamespace(send=lambda *_: None), None, SimpleNamespace())
    slot = node._slots[3] = Slot(Grant(3, 0, 0, None), Start(1000, 100))
    assert slot.alive(2) == {0, 1}
    node._note_lost(1)
    slot.sent[0] = Sent(slot=3, frame=0, user=0)
    node.bus.receive = lambda _timeout_s: pytest.fail("waited")
    node._await_sent(slot)
    assert slot.alive(2) == {0}


def test_a_heartbeat_is_no_reason_to_stop():
    assert keep_place(SimpleNamespace(), None, Heartbeat(), 1.0) is None
    assert issubclass(Apart, HilError)
