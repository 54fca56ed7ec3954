"""What ends a node in the middle of its work, a signal or its coordinator's death; and that it is gone at once then."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from hil.bus.messages import Grant, Hello, Start
from hil.config import load_config
from hil.nodes import node as node_module
from hil.nodes.node import Stopped, connect, join, stop_on_signals
from hil.nodes.receiver import ReceiverNode
from hil.session.slot import Slot
from models.errors import ModelError
from models.images.files import FileImages
from models.runtime.encoder import run_session


@pytest.fixture(autouse=True)
def handlers():
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    hook = sys.unraisablehook
    stop_on_signals()
    yield
    sys.unraisablehook = hook
    for number, handler in kept.items():
        signal.signal(number, handler)


def terminated(*_arguments):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5.0)
    raise OSError("no signal came")


def test_sigterm_while_a_network_runs_is_no_model_error():
    class Session:
        run = terminated

    with pytest.raises(Stopped, match="SIGTERM"):
        run_session(Session(), {"image": np.zeros(1, np.float32)})


def test_sigterm_while_a_picture_is_read_is_no_model_error(monkeypatch, tmp_path):
    monkeypatch.setattr("models.images.files.Image.open", terminated)
    with pytest.raises(Stopped, match="SIGTERM"):
        FileImages([tmp_path / "a.png"], 64)[0]


def test_sigterm_in_a_callback_from_c_is_not_lost():
    """As in the compiler, whose callbacks let no exception out."""

    @ctypes.CFUNCTYPE(None)
    def callback():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1.0)

    with pytest.raises(Stopped, match="SIGTERM"):
        callback()
        time.sleep(20.0)


class Taken:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1.0)


def test_sigterm_while_an_object_is_taken_apart_is_not_lost():
    with pytest.raises(Stopped, match="SIGTERM"):
        Taken()
        time.sleep(20.0)


def test_other_faults_of_callbacks_are_still_told(capsys):
    @ctypes.CFUNCTYPE(None)
    def callback():
        raise KeyError("a fault of the driver")

    callback()
    assert "a fault of the driver" in capsys.readouterr().err


def test_a_fault_of_the_network_still_is_one():
    class Session:
        def run(self, *_arguments):
            raise RuntimeError("bad shape")

    with pytest.raises(ModelError, match="bad shape"):
        run_session(Session(), {"image": np.zeros(1, np.float32)})


class Bus:
    """Of a coordinator that was heard lately, and has gone or not."""

    def __init__(self, gone=False, heard_s=0.0):
        self.coordinator = SimpleNamespace(gone=gone, heard_s=heard_s)
        self.leaving = threading.Event()
        self.endpoint, self.messages = "tcp://x:1", []

    def send(self, *_message):
        pass

    def receive(self, _timeout_s=None):
        return self.messages.pop(0) if self.messages else None

    def close(self):
        self.leaving.set()


def test_a_node_that_is_busy_when_its_coordinator_dies_ends_all_the_same(monkeypatch):
    monkeypatch.setattr(node_module, "BUSY_S", 0.1)
    monkeypatch.setattr(node_module, "BusClient", lambda *_, **__: Bus(gone=True))
    with pytest.raises(Stopped, match="SIGTERM"):
        connect(load_config(), "rx")
        time.sleep(60.0)


def test_a_node_that_leaves_in_time_is_not_told_to_end(monkeypatch):
    monkeypatch.setattr(node_module, "BUSY_S", 60.0)
    monkeypatch.setattr(node_module, "BusClient", lambda *_, **__: Bus(gone=True))
    before = set(threading.enumerate())
    connect(load_config(), "rx").close()
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive()


def test_what_transmitters_had_to_say_is_not_waited_for_when_the_coordinator_is_dead():
    receiver = ReceiverNode(load_config(), Bus(gone=True), None, SimpleNamespace())
    receiver.bus.receive = None  # not called: what it would postpone is that the coordinator has gone
    receiver._await_sent(Slot(Grant(3, 0, 0, None), Start(1000, 100)))


def test_a_node_that_has_joined_waits_for_the_others_as_long_as_its_coordinator_is_heard(monkeypatch):
    now = [100.0]

    class Clock:
        @staticmethod
        def monotonic():
            now[0] += 0.5
            return now[0]

    bus = Bus()
    heartbeats, start = iter(range(400)), Start(1000, 100)

    def receive(_timeout_s=None):
        if next(heartbeats, None) is None:
            return SimpleNamespace(body=start)
        bus.coordinator.heard_s = now[0]  # a heartbeat, which is no message
        return None

    monkeypatch.setattr(node_module, "time", Clock)
    monkeypatch.setattr(bus, "receive", receive)
    assert join(bus, Hello("air", None, 1, ""), 5.0) is start


def test_a_command_is_gone_when_its_work_is_done_and_leaves_nothing_undone():
    script = """
import atexit, os, sys
import hil.__main__ as process, hil.cli.main as command
class Heavy:
    def __del__(self, write=os.write): write(1, b"taken apart")
heavy = Heavy()
def main():
    atexit.register(lambda: print("exit handlers run"))
    print("done", flush=True)
    sys.exit(3)
command.main = main
process.run()
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=240)
    assert (ended.returncode, ended.stderr) == (3, "")
    assert ended.stdout == "done\nexit handlers run\n"  # and 'taken apart' is not among it
