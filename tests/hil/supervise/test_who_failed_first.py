"""The supervisor names the node that failed first, with its own sentence, however many follow it."""

import time
from types import SimpleNamespace

import pytest

from hil.errors import HilError
from hil.supervise.supervisor import Child, Supervisor


class Ended:
    """A process that has ended with this code."""

    def __init__(self, code):
        self.returncode = code

    def poll(self):
        return self.returncode

    wait = terminate = kill = lambda self, *_: self.returncode


@pytest.fixture
def supervisor(tmp_path):
    made = Supervisor(tmp_path)

    def add(name, code, ended_s, sentence=""):
        log = tmp_path / f"{name}.log"
        log.write_text(f"error: {sentence}\n" if sentence else "")
        made.children.append(Child(name, Ended(code), log, ended_s))

    made.add = add
    return made


def named(supervisor):
    with pytest.raises(HilError) as caught:
        supervisor.wait(lambda: None)
    return str(caught.value)


def test_of_several_that_ended_between_two_looks_the_first_is_named(supervisor):
    supervisor.add("coordinator", 1, 7.2, "stopped")
    supervisor.add("air", 0, 7.0)
    supervisor.add("tx1", 1, 7.1, "its disk is full")
    assert named(supervisor) == "tx1: its disk is full"


def test_who_only_follows_names_the_one_that_it_waits_for(supervisor):
    supervisor.add("coordinator", 1, 7.0, "the run cannot go on without rx: its memory is full")
    supervisor.add("rx", 1, 7.5, "its memory is full")
    assert named(supervisor) == "rx: its memory is full"


def test_a_killed_node_is_named_before_those_that_miss_it(supervisor):
    supervisor.add("coordinator", 1, 7.3, "the run cannot go on without air: silent")
    supervisor.add("air", -9, 7.0)
    assert named(supervisor) == "air was killed by SIGKILL"


def test_a_child_knows_when_it_ended(tmp_path):
    child = Child("tx0", SimpleNamespace(wait=lambda: 1), tmp_path / "log")
    child.watch()
    end = time.monotonic() + 60.0
    while child.ended_s is None and time.monotonic() < end:
        time.sleep(0.01)
    assert child.ended_s is not None
