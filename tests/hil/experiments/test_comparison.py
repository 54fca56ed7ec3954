"""The comparison page: right figures, every run in it, nothing from outside."""

import re

import numpy as np
import pytest
import scipy.stats
from click.testing import CliRunner

from hil.cli.runs.report import command
from hil.experiments.comparison import context
from hil.experiments.gather import read_source
from hil.experiments.statistics import interval
from hil.results.rows import ResultRow
from hil.results.writer import ResultWriter

HOSTILE = '"><script>alert(1)</script>{{ 7*7 }}.png'


def make_run(out, snr_db, psnrs_db, codec="compact-2u"):
    writer = ResultWriter(out, resume=False)
    pixels = np.full((16, 16, 3), 90, np.uint8)
    for frame, value in enumerate(psnrs_db):
        row = ResultRow(frame=frame, user=0, decoded=value is not None, reason=None, psnr_db=value, image_id=HOSTILE)
        writer.append(row, original=pixels, received=pixels)
    writer.close()
    text = f"snr_db: {snr_db}\nchannel: awgn\nusers: 1\nseed: 1\nframes: 3\nrefine: false\ncodec: {codec}\n"
    (out / "config.yaml").write_text(text)
    return out


def test_the_interval_is_students():
    values = [20.0, 22.5, 21.0, 25.0]
    low, high = scipy.stats.t.interval(0.95, 3, loc=np.mean(values), scale=scipy.stats.sem(values))
    found = interval([*values, None, float("nan")])
    assert (found.n, found.mean) == (4, np.mean(values)) and found.half == pytest.approx((high - low) / 2)
    assert interval([None]) is None and interval([3.0]).half is None


def test_the_interval_covers_the_truth_as_often_as_it_says():
    draws = np.random.default_rng(1).normal(5, 2, (2000, 6))
    inside = [abs(found.mean - 5) <= found.half for found in map(interval, draws)]
    assert scipy.stats.binomtest(sum(inside), 2000, 0.95).pvalue > 1e-3


def test_runs_become_points_of_curves(tmp_path):
    folders = [make_run(tmp_path / name, snr, [snr + 10, snr + 12, None]) for name, snr in (("a", 0), ("b", 10))]
    facts = context([read_source(folder) for folder in folders])
    assert [(line["curve"], line["x"], line["decoded"], line["sent"]) for line in facts["lines"]] == [
        ("a, compact-2u", 0, 2, 3), ("b, compact-2u", 10, 2, 3),
    ]  # fmt: skip
    assert [line["psnr_db"].mean for line in facts["lines"]] == [11, 21]
    assert facts["lines"][0]["psnr_db"].half == pytest.approx(scipy.stats.t.ppf(0.975, 1))


def test_the_page_is_one_file_and_says_nothing_dangerous(tmp_path):
    folders = [make_run(tmp_path / name, 5, [20.0], codec=repr(HOSTILE)) for name in ("a", "b")]
    done = CliRunner().invoke(command, [*map(str, folders), "--out", str(tmp_path / "page.html")])
    assert done.exit_code == 0, done.exception
    page = (tmp_path / "page.html").read_text()
    links = re.findall(r'(?:src|href|srcset)\s*=\s*["\']([^"\']*)', page)
    assert links and all(link.startswith(("data:", "#section")) for link in links)
    assert "<script" not in page and "http:" not in page and "url(" not in page


def test_a_folder_without_results_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    done = CliRunner().invoke(command, [str(tmp_path / "empty"), str(make_run(tmp_path / "a", 0, [1.0]))])
    assert "holds neither a run" in str(done.exception)


def test_an_experiment_is_its_own_page(tmp_path):
    from rich.console import Console

    from hil.experiments.plan import Plan
    from hil.experiments.run import run_experiment

    images = tmp_path / "set.npz"
    np.savez(images, images=np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8))
    grid = {"snr_db": [0, 10], "channel": ["awgn", "rayleigh"], "scheme": ["digital-jpeg", "digital-webp"]}
    plan = Plan(name="p", kind="evaluate", set={"images": str(images)}, grid=grid)
    run_experiment(plan, tmp_path / "e", console=Console(quiet=True))
    facts = context([read_source(tmp_path / "e")])
    assert {(line["channel"], line["curve"], line["x"]) for line in facts["lines"]} == {
        (channel, scheme, snr) for channel in grid["channel"] for scheme in grid["scheme"] for snr in (0.0, 10.0)
    }
    done = CliRunner().invoke(command, [str(tmp_path / "e")])
    assert done.exit_code == 0 and "config_digest" not in done.output
    page = (tmp_path / "e" / "report.html").read_text()
    assert "machine_cpu" in page and "digital-webp" in page
