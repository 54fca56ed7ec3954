"""The offset between two clocks from answered heartbeats, against clocks whose offset is known."""

import math

import numpy as np
import pytest

from hil.bus.clock import DRIFT, CoordinatorClock, machine
from hil.bus.messages import Hello
from hil.nodes import members
from hil.nodes.members import Node, heartbeat


def exchange(clock, at_s, offset_s, there_s, held_s, back_s):
    """A heartbeat leaves at at_s by the node's clock, the coordinator's being ahead by offset_s."""
    told_s = at_s + there_s + held_s + offset_s
    clock.note(at_s, told_s, held_s, at_s + there_s + held_s + back_s)
    return at_s + there_s + held_s + back_s


@pytest.mark.parametrize("seed", range(5))
def test_the_offset_is_within_its_uncertainty_whatever_the_network_does(seed):
    rng = np.random.default_rng(seed)
    truth_s = rng.uniform(-1e6, 1e6)
    clock, now_s = CoordinatorClock(), 1e5
    for _ in range(200):
        there_s, held_s, back_s = rng.exponential(0.02), rng.uniform(0, 0.4), rng.exponential(0.002)
        now_s = exchange(clock, now_s, truth_s, there_s, held_s, back_s) + 0.2
        known = clock.offset(now_s)
        assert abs(known.offset_s - truth_s) <= known.uncertainty_s + 1e-9
    assert known.uncertainty_s < 0.01


def test_equal_delays_give_the_offset_itself():
    clock = CoordinatorClock()
    now_s = exchange(clock, 50.0, 7.25, 0.003, 0.2, 0.003)
    assert clock.offset(now_s).offset_s == pytest.approx(7.25) and clock.offset(now_s).uncertainty_s == pytest.approx(
        0.003
    )


def test_clocks_that_run_apart_stay_within_the_uncertainty():
    clock, slope = CoordinatorClock(), 0.8 * DRIFT
    exchange(clock, 0.0, 1.0, 0.001, 0.0, 0.001)
    for later_s in (10, 1000, 10_000):
        known = clock.offset(later_s)
        assert abs(known.offset_s - (1.0 + slope * later_s)) <= known.uncertainty_s


def test_a_worse_answer_does_not_replace_a_better_one_until_that_has_aged():
    clock = CoordinatorClock()
    now_s = exchange(clock, 0.0, 5.0, 0.001, 0.0, 0.001)
    best = clock.offset(now_s).offset_s
    exchange(clock, 1.0, 5.0, 0.3, 0.0, 0.0)
    assert clock.offset(1.5).offset_s == best
    exchange(clock, 1e4, 5.0, 0.3, 0.0, 0.0)
    assert clock.offset(1e4 + 1).offset_s != best


@pytest.mark.parametrize(
    "answer", [(math.nan, 1, 0, 2), (0, math.inf, 0, 2), (0, 1, -1, 2), (0, 1, 5, 2), (3, 1, 0, 2), (0, 1, math.nan, 2)]
)
def test_what_cannot_be_is_left_out(answer):
    clock = CoordinatorClock()
    clock.note(*answer)
    assert clock.offset(0.0) is None


def test_the_coordinators_heartbeat_answers_the_nodes(monkeypatch):
    node = Node("tx0", "tx", 0, 0.0, Hello("tx", 0, 1, ""))
    monkeypatch.setattr(members.time, "monotonic", lambda: 30.0)
    assert heartbeat(node).clock_s == 30.0 and heartbeat(node).echo_s is None
    node.beat = (11.0, 29.75)
    answer = heartbeat(node)
    clock = CoordinatorClock()
    clock.note(answer.echo_s, answer.clock_s, answer.held_s, 11.27)
    assert clock.offset(11.27).offset_s == pytest.approx(29.75 - 11.01)
    assert clock.offset(11.27).uncertainty_s == pytest.approx(0.01)


def test_a_machine_is_the_same_for_all_its_processes():
    assert machine() == machine() != ""
