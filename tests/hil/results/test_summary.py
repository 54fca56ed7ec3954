"""The figures of a run are means of what is known, and JSON."""

import json
import math

import pytest
from rich.console import Console

from hil.report.terminal import print_summary
from hil.results.rows import ResultRow, ResultsError
from hil.results.summary import summarise, write_summary


def row(frame, user, **values):
    return ResultRow(**{"frame": frame, "user": user, "decoded": True, "reason": None, **values})


def summary_of(rows, **values):
    settings = {"users": 2, "frames": 2, "snr_db": 10.0, "channel": "awgn", "seed": 1, "version": "0",
                "wall_s": 2.0, "refine": False, "codec": "[bold]c"}  # fmt: skip
    return summarise(rows, **{**settings, **values})


ROWS = [
    row(
        0,
        0,
        psnr_db=20.0,
        delivered_psnr_db=20.0,
        ssim=0.5,
        ideal_psnr_db=21.0,
        cfo_hz=3.0,
        delay_samples=1.5,
        csi_age_s=0.1,
        events={"underflow": 1},
    ),
    row(0, 1, psnr_db=30.0, delivered_psnr_db=30.0, ideal_psnr_db=30.5, events={"underflow": 2, "late": 1}),
    row(1, 0, psnr_db=24.0, delivered_psnr_db=24.0, cfo_hz=-4.0, delay_samples=-0.5, snr_db_estimated=9.0),
    row(1, 1, decoded=False, reason="not detected", ideal_psnr_db=40.0, delivered_psnr_db=12.0),
]


def test_means_run_over_what_is_known():
    summary = summary_of(ROWS)
    assert (summary["images_sent"], summary["images_decoded"], summary["images_per_s"]) == (4, 3, 2.0)
    assert summary["psnr_db"] == pytest.approx(74 / 3)
    assert summary["delivered_psnr_db"] == pytest.approx(86 / 4)
    assert summary["implementation_loss_db"] == pytest.approx(0.75)  # images with both figures only
    assert summary["events"] == {"late": 1, "underflow": 3}
    assert summary["complete"] and summary["missing"] == []
    first, second = summary["per_user"]
    assert first["cfo_hz_rms"] == pytest.approx(math.sqrt(12.5))
    assert first["arrival_jitter_samples"] == pytest.approx(math.sqrt(2))  # +1 and -1 about the mean, of n - 1
    assert second["arrival_jitter_samples"] is None
    assert (first["csi_age_s"], first["snr_db_estimated"], second["csi_age_s"]) == (0.1, 9.0, None)
    assert (second["images_sent"], second["images_decoded"], second["psnr_db"]) == (2, 1, 30.0)


def test_what_is_missing_is_named():
    summary = summary_of(ROWS[:2] + ROWS[3:])
    assert not summary["complete"] and summary["missing"] == [[1, 0]]


def test_nothing_recorded_and_no_noise_is_json(tmp_path):
    summary = summary_of([], snr_db=math.inf, wall_s=0.0)
    path = write_summary(tmp_path, summary)
    assert json.loads(path.read_text()) == summary
    assert summary["psnr_db"] is None and summary["snr_db"] is None and summary["images_per_s"] is None
    assert not list(tmp_path.glob("*.partial"))
    with pytest.raises(ResultsError):
        write_summary(tmp_path / "nothing", summary)


@pytest.mark.parametrize("rows", [ROWS, []])
def test_the_terminal_shows_it(rows):
    console = Console(record=True, width=100, force_terminal=False)
    print_summary(summary_of(rows), console)
    text = console.export_text()
    assert "[bold]c" in text and f"{sum(r.decoded for r in rows)}/{len(rows)}" in text
    assert ("--resume" in text) == (not rows)


LOCKED = {"frequency": "locked", "timing": "locked", "power": "locked"}


def test_the_loops_states_and_since_when_they_are_locked(capsys):
    """A lock that is lost again does not count; rows may come in any order."""
    states = [LOCKED, {**LOCKED, "timing": "holding"}, LOCKED, LOCKED]
    rows = [row(frame, 0, loops=loops) for frame, loops in reversed(list(enumerate(states)))]
    rows += [row(frame, 1, loops={**LOCKED, "power": "searching"}) for frame in range(4)]
    summary = summary_of(rows, frames=4)
    first, second = summary["per_user"]
    assert (first["loops"], first["locked_from_frame"]) == (LOCKED, 2)
    assert (second["loops"]["power"], second["locked_from_frame"]) == ("searching", None)
    print_summary(summary, Console(width=120))
    printed = capsys.readouterr().out
    assert "user 1: frequency locked, timing locked, power searching" in printed and "user 0:" not in printed
    assert summary_of(ROWS)["per_user"][0]["loops"] == {}


@pytest.mark.parametrize("absurd", [1e200, 1.7e308])
def test_rows_of_absurd_numbers_leave_the_figures_of_the_others(tmp_path, absurd):
    """As one that somebody else wrote may hold them: their squares and sums are no numbers JSON knows."""
    names = ("psnr_db", "cfo_hz", "delay_samples", "user_snr_db", "csi_age_s")
    fine = [row(frame, 0, **dict.fromkeys(names, 3.0)) for frame in range(2)]
    wild = [row(frame, 0, **dict.fromkeys(names, absurd)) for frame in range(2, 5)]
    summary = summary_of(fine + wild)
    write_summary(tmp_path, summary)
    [user] = [one for one in summary["per_user"] if one["user"] == 0]
    assert (user["cfo_hz_rms"], user["arrival_jitter_samples"], summary["psnr_db"]) == (3.0, 0.0, 3.0)
