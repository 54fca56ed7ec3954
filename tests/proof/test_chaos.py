"""Three kills within one experiment; `make chaos` kills a hundred times."""

import threading
import time
from types import SimpleNamespace

import pytest

from hil.bus.messages import Grant, Sent, Start
from hil.config import load_config
from hil.nodes.receiver import ReceiverNode
from hil.session.slot import Slot
from tests.proof.chaos import Broken, Chaos


def test_an_experiment_whose_processes_are_killed_finishes(tmp_path):
    chaos = Chaos(tmp_path, frames=40, seed=2)
    chaos.round(kills=3)
    assert chaos.kills.total() >= 1
    chaos.finish()


def test_a_lost_line_and_a_changed_line_are_noticed(tmp_path):
    class Ended:
        def __init__(self, lines):
            self._lines = lines

        def whole_lines(self):
            return self._lines

    chaos = Chaos(tmp_path, frames=2, seed=1)
    chaos._look(Ended(b"one\ntwo\n"))
    for lines in (b"one\n", b"one\ntwO\nthree\n"):
        with pytest.raises(Broken, match="gone or changed"):
            chaos._look(Ended(lines))


def test_freezes_last_from_one_second_to_thirty(tmp_path, monkeypatch):
    slept, chaos = [], Chaos(tmp_path, frames=2, seed=1)
    monkeypatch.setattr("tests.proof.chaos.time", SimpleNamespace(sleep=slept.append, monotonic=time.monotonic))
    node = SimpleNamespace(send_signal=lambda _signal: None)
    run = SimpleNamespace(
        nodes=lambda: {"rx": node, "tx0": node}, process=SimpleNamespace(poll=lambda: 0), whole_lines=lambda: b""
    )
    for _ in range(200):
        chaos._freeze_one(run)
    assert slept == chaos.frozen_s and len(slept) == 200
    assert 1 <= min(slept) < 2 and 29 < max(slept) <= 30


def test_a_frame_that_the_end_of_the_run_cut_in_two_is_not_recorded():
    bus = SimpleNamespace(coordinator=SimpleNamespace(heard_s=time.monotonic()), send=lambda *_message: None)
    node = ReceiverNode(load_config(None, {"radio.device": "file:capture"}), bus, None, SimpleNamespace())
    slot = Slot(Grant(3, 0, 0, None), Start(1000, 100))
    slot.sent[0] = Sent(3, 0, 0)
    threading.Timer(0.2, lambda: (setattr(node, "_stopping", True), wake(node))).start()
    assert not node._ground_truth_came(slot)
    slot.sent[1] = Sent(3, 0, 1)
    assert node._ground_truth_came(slot)


def wake(node):
    with node._changed:
        node._changed.notify_all()
