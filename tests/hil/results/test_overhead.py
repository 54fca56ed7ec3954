"""The share of bursts that is no payload, as a run's figures tell it, and what says how many pictures a burst has."""

import io

import click
import pytest
from rich.console import Console

from hil.cli.options.configuration import config_from
from hil.cli.options.pictures import PicturesPerBurst
from hil.errors import UsageError
from hil.report.terminal import print_summary
from hil.results.rows import ResultRow
from hil.results.summary import summarise

FACTS = {
    "users": 1, "frames": 4, "snr_db": 10.0, "channel": "awgn", "seed": 1, "version": "1", "wall_s": 1.0,
    "refine": False, "codec": "real-time",
}  # fmt: skip


def told(overheads):
    rows = [ResultRow(frame=n, user=0, decoded=True, reason=None, overhead=one) for n, one in enumerate(overheads)]
    summary, text = summarise(rows, **FACTS), io.StringIO()
    print_summary(summary, Console(file=text, width=200))
    return summary, text.getvalue()


def test_the_mean_over_the_pictures_that_have_it_is_told():
    summary, text = told([0.25, 0.25, 0.35, None])
    assert summary["overhead"] == summary["per_user"][0]["overhead"] == pytest.approx(0.85 / 3)
    assert "preamble, training and headers: 28.3 % of a burst" in text
    summary, text = told([None] * 4)  # rows of earlier versions
    assert summary["overhead"] is None and "preamble" not in text


@pytest.mark.parametrize(("given", "taken"), [("1", 1), ("256", 256), ("auto", "auto"), (12, 12)])
def test_a_number_or_auto_comes_into_the_configuration(given, taken):
    chosen = PicturesPerBurst().convert(given, None, None)
    assert config_from(config_path=None, settings=(), pictures_per_burst=chosen).burst.pictures == taken


def test_what_is_no_number_of_pictures_is_refused_in_a_sentence():
    for wrong in ("many", "-1", "2.5", ""):
        with pytest.raises(click.BadParameter, match="neither a number of pictures nor auto"):
            PicturesPerBurst().convert(wrong, None, None)
    for wrong in (0, 257):
        with pytest.raises(UsageError, match=r"burst\.pictures"):
            config_from(config_path=None, settings=(), pictures_per_burst=wrong)
