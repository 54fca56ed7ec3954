"""A picture's age and its parts, against times that are known; percentiles against those of a known distribution."""

import math

import pytest

from hil.bus.clock import Offset
from hil.bus.messages import Capture
from hil.results.live import STAGES, LiveFacts, live_summary
from hil.results.rows import ResultRow
from hil.results.summary import summarise
from hil.video.stages import Received, live_facts

RECEIVED = Received(heard_s=10.09, received_s=10.10, decoded_s=10.15, shown_s=10.16)
FACTS = {"snr_db": 10.0, "channel": "awgn", "seed": 1, "version": "9", "wall_s": 1.0, "refine": False, "codec": ""}


def capture(ahead_s=0.0, **changes):
    """Taken at 10.00 s, ready 10.01, taken up 10.03, encoded 10.06; on a clock that is ahead."""
    times = {"captured_s": 10.0, "ready_s": 10.01, "taken_s": 10.03, "encoded_s": 10.06}
    times = {name: value + ahead_s for name, value in times.items()}
    return Capture(**{"number": 4, "position_s": 0.4, "machine": "here", **times, **changes})


def test_the_stages_on_one_machine():
    facts = live_facts(capture(dropped=3), RECEIVED, "here", None)
    expected = {"capture": 10, "wait for slot": 20, "encode": 30, "air": 30, "receive": 10, "decode": 50, "show": 10}
    assert facts.stages_ms == pytest.approx(expected) and set(expected) == set(STAGES)
    assert facts.total_ms == pytest.approx(160) and facts.clock_uncertainty_ms == 0
    assert (facts.number, facts.dropped, facts.position_s) == (4, 3, 0.4)


def test_on_two_machines_the_clocks_are_brought_together():
    """The transmitter's clock is 1000 s ahead of the receiver's; the coordinator's is 300 s ahead of the receiver's."""
    sent = capture(1000.0, machine="there", offset_s=-700.0, uncertainty_s=0.002)
    facts = live_facts(sent, RECEIVED, "here", Offset(300.0, 0.001))
    assert facts.stages_ms == pytest.approx(live_facts(capture(), RECEIVED, "here", None).stages_ms)
    assert facts.total_ms == pytest.approx(160) and facts.clock_uncertainty_ms == pytest.approx(3)


def test_what_runs_over_two_clocks_is_unknown_where_they_were_not_compared():
    for sent, offset in ((capture(5.0, machine="there"), Offset(0, 0)), (capture(machine="there", offset_s=0.0), None)):
        facts = live_facts(sent, RECEIVED, "here", offset)
        assert facts.total_ms is None and facts.clock_uncertainty_ms is None and "air" not in facts.stages_ms
        assert facts.stages_ms["decode"] == pytest.approx(50)


def test_times_that_are_no_numbers_count_for_nothing():
    assert live_facts(capture(ready_s=math.nan), RECEIVED, "here", None) is None
    sent = capture(machine="there", offset_s=math.inf, uncertainty_s=0.0)
    assert live_facts(sent, RECEIVED, "here", Offset(0, 0)).total_ms is None


def facts(number, total_ms, **changes):
    return LiveFacts(number=number, position_s=0.1 * number, shown_s=0.1 * number, total_ms=total_ms, **changes)


def test_percentiles_of_a_known_distribution():
    summary = live_summary((0, facts(n, float(n), stages_ms={"air": 2.0 * n})) for n in range(101))
    assert summary["total_ms"] == pytest.approx({"p50": 50, "p99": 99, "largest": 100})
    assert summary["stages_ms"]["air"] == pytest.approx({"p50": 100, "p99": 198, "largest": 200})
    assert summary["stages_ms"]["show"] is None
    assert summary["per_user"][0]["pictures_per_s"] == pytest.approx(10)


def test_repeated_pictures_are_counted_and_do_not_make_the_others_look_old():
    shown = [(0, facts(0, 100.0)), (0, facts(0, 1100.0, repeated=True)), (1, facts(7, 120.0, dropped=2))]
    summary = live_summary(shown)
    assert (summary["pictures"], summary["repeated"], summary["dropped"]) == (3, 1, 2)
    assert summary["total_ms"]["largest"] == 120
    assert [user["pictures"] for user in summary["per_user"]] == [2, 1]


def test_no_video_no_summary():
    assert live_summary([]) is None
    assert summarise([], users=1, frames=1, **FACTS)["live"] is None


def row(frame, user, **changes):
    live = facts(frame, 100.0)
    return ResultRow(**{"frame": frame, "user": user, "decoded": True, "reason": None, "live": live, **changes})


def test_a_run_of_video_is_complete_when_nothing_is_missing_before_its_end():
    rows = [row(0, 0), row(0, 1), row(1, 0)]
    summary = summarise(rows, users=2, frames=100_000, **FACTS)
    assert summary["complete"] and summary["frames"] == 2
    gap = summarise([rows[0], rows[1], row(2, 0)], users=2, frames=100_000, **FACTS)
    assert not gap["complete"] and gap["missing"] == [[1, 0]]
