"""Every event has its remedy in report and terminal."""

import pytest
from rich.console import Console

from hil.report.terminal import print_summary
from hil.report.words import EVENTS, remedy
from hil.results.summary import summarise
from hil.session.mirror import EVENT
from radio.samples import EventKind


@pytest.mark.parametrize("kind", [*EventKind, EVENT, "lost_samples", "repeated_samples", "gain_steps"])
def test_every_kind_of_event_has_a_remedy(kind):
    assert EVENTS[str(kind)].endswith(".")


def test_a_lost_pictures_reason_and_events_are_told_once_each():
    text = remedy("not detected", {"late": 2, "overflow": 1, "unheard_of": 1})
    assert text.count("No burst of this user") == text.count(EVENTS["late"]) == text.count(EVENTS["overflow"]) == 1
    assert remedy("isolated", {}) == ""  # "late" within a word is none


def test_the_terminal_tells_what_to_do_about_late_and_lost_samples(capsys):
    facts = {"users": 1, "frames": 0, "snr_db": 10.0, "channel": "awgn", "seed": 1, "version": "0", "codec": "c"}
    summary = summarise([], wall_s=1.0, refine=False, **facts) | {"events": {"underflow": 3, "clipped": 1}}
    print_summary(summary, Console(width=200))
    printed = capsys.readouterr().out
    assert EVENTS["underflow"] in printed and EVENTS["clipped"] not in printed
