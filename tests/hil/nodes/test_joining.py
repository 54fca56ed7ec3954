"""Waiting for nodes counts their progress, not seconds, and says who is late and why."""

from hil.nodes.joining import PATIENCE, Joining


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def joining(timeout_s=10.0):
    clock = Clock()
    return Joining(timeout_s, clock), clock


def test_nobody_is_waited_for_longer_than_the_timeout_without_a_sign():
    wait, clock = joining()
    clock.now += 10
    assert wait.overdue(["rx"]) is None
    clock.now += 0.1
    assert "rx did not join within 10 s: rx was never heard" in wait.overdue(["rx"])


def test_signs_of_life_of_the_absent_extend_it_and_those_of_others_do_not():
    wait, clock = joining()
    for _ in range(4):
        clock.now += 6
        wait.heard("rx")
        wait.heard("tx0")
    assert wait.overdue(["rx"]) is None
    assert "tx1 was never heard" in wait.overdue(["tx1"])


def test_a_node_that_died_on_the_way_is_told_from_a_slow_one():
    wait, clock = joining()
    wait.heard("rx")
    clock.now += 11
    assert "rx was heard last 11 s ago, before it was ready: it ended or hangs" in wait.overdue(["rx"])


def test_patience_ends():
    wait, clock = joining()
    for _ in range(10 * PATIENCE + 1):
        clock.now += 1
        wait.heard("rx")
    assert "rx lives but is not ready yet" in wait.overdue(["rx"])
