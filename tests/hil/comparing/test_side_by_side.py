"""Runs side by side: figures against scipy's, what differs, what is refused, and a page that loads nothing."""

import csv
import json
import re

import numpy as np
import pytest
import scipy.stats
import yaml
from click.testing import CliRunner

from hil.cli.runs.report import command
from hil.comparing.figures import compare, plain, same_pictures
from hil.comparing.runs import read_runs, short_names
from hil.errors import UsageError
from hil.results.rows import ResultRow
from hil.results.writer import ResultWriter

REASON = "the header's checksum failed"
HOSTILE = '"><script>alert(1)</script>{{ 7*7 }}'


def make_run(out, psnrs_db, sinr_db=12.0, frames=None, **settings):
    """psnrs_db: float [frames][users]; None for a lost one. Every frame has pictures of its own."""
    writer = ResultWriter(out, resume=False)
    for frame, of_users in enumerate(psnrs_db):
        for user, psnr_db in enumerate(of_users):
            lost = psnr_db is None
            row = ResultRow(frame=frame, user=user, decoded=not lost, reason=REASON if lost else None)
            row.psnr_db = row.score = psnr_db
            row.delivered_score, row.image_id = 6.0 if lost else psnr_db, f"{frame}-{user}"
            row.payload_sinr_db = None if lost else sinr_db + frame
            pixels = np.full((8, 8, 3), 10 * frame + user, np.uint8)
            writer.append(row, original=pixels, received=None if lost else pixels)
    writer.close()
    config = {"users": len(psnrs_db[0]), "frames": frames or len(psnrs_db), "snr_db": 10.0, "codec": "real-time"}
    config |= {"bus": {"endpoint": out.name}, "radio": {"device": f"sim:{out.name}"}}
    (out / "config.yaml").write_text(yaml.safe_dump(config | settings))
    return out


@pytest.fixture
def runs(tmp_path):
    a = make_run(tmp_path / "a", [[20.0, 22.0], [21.0, 19.0], [25.0, 24.0]])
    b = make_run(tmp_path / "b", [[21.0, 23.5], [22.0, None], [25.5, 25.0]], snr_db=12.0, air={"clock_ppm": 5})
    return a, b


def half(values):
    low, high = scipy.stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=scipy.stats.sem(values))
    return (high - low) / 2


def test_figures_are_means_over_frames_with_students_intervals(runs):
    facts = plain(compare(read_runs(runs)))
    first, second = facts["runs"]
    frames = [21.0, 20.0, 24.5]  # each frame's mean over its users
    assert first["score"]["mean"] == pytest.approx(np.mean(frames)) and first["score"]["frames"] == 3
    assert first["score"]["ci95"] == pytest.approx(half(frames))
    assert first["per_user"][1]["score"]["ci95"] == pytest.approx(half([22.0, 19.0, 24.0]))
    assert first["per_user"][0]["payload_sinr_db"]["mean"] == pytest.approx(13.0)
    assert (second["decoded"], second["sent"]) == (5, 6)
    assert second["per_user"][1]["delivered_score"]["mean"] == pytest.approx((23.5 + 6 + 25) / 3)
    assert facts["lost"] == [{"reason": REASON, "counts": [0, 1]}]


def test_differences_are_paired_by_picture(runs):
    [paired] = plain(compare(read_runs(runs)))["same_pictures"]
    by_frame = [np.mean([1.0, 1.5]), 1.0, np.mean([0.5, 1.0])]
    assert (paired["pictures"], paired["decoded_in_both"]) == (6, 5)
    assert paired["score"]["mean"] == pytest.approx(np.mean(by_frame))
    assert paired["score"]["ci95"] == pytest.approx(half(by_frame)) and paired["score"]["ci95"] < half([21, 20, 24.5])
    assert paired["delivered_score"]["mean"] == pytest.approx(np.mean([1.25, (1 + 6 - 19) / 2, 0.75]))


def test_a_picture_that_comes_twice_is_paired_in_turn(tmp_path):
    twice = [[20.0], [21.0], [22.0]]
    first, other = read_runs([make_run(tmp_path / name, twice) for name in "ab"])
    for run in (first, other):
        for row in run.rows:
            row.image_id = "cat"
    del other.rows[2]
    assert [(a.frame, b.frame) for a, b in same_pictures(first, other)] == [(0, 0), (1, 1)]


def test_only_settings_that_matter_and_differ_are_told(runs):
    told = {one["name"]: one["values"] for one in compare(read_runs(runs))["settings"]}
    assert told == {"snr_db": [10.0, 12.0], "air.clock_ppm": [None, 5]}


def test_the_command_writes_page_table_and_document(runs, tmp_path):
    page, table = tmp_path / "page.html", tmp_path / "table.csv"
    done = CliRunner().invoke(command, [*map(str, runs), "--out", str(page), "--csv", str(table), "--json"])
    assert done.exit_code == 0, done.exception
    facts = json.loads(done.stdout)
    assert facts["runs"][0]["score"]["mean"] == pytest.approx(21.8333, abs=1e-3)
    lines = list(csv.DictReader(table.read_text().splitlines()))
    assert [(line["run"], line["user"]) for line in lines] == [
        ("a", "all"), ("a", "0"), ("a", "1"), ("b", "all"), ("b", "0"), ("b", "1"),
    ]  # fmt: skip
    assert float(lines[0]["score_ci95"]) == pytest.approx(half([21.0, 20.0, 24.5]), abs=1e-5)
    text = page.read_text()
    assert "Score by user" in text and REASON.replace("'", "&#39;") in text and text.count('alt="0-0 in ') == 2
    assert "air.clock_ppm" in text and "incomplete" not in text


def test_the_page_escapes_and_loads_nothing(tmp_path):
    folders = [make_run(tmp_path / name, [[20.0]], frames=2, codec=HOSTILE + name) for name in "ab"]
    done = CliRunner().invoke(command, [*map(str, folders), "--out", str(tmp_path / "page.html")])
    assert done.exit_code == 0, done.exception
    page = (tmp_path / "page.html").read_text()
    links = re.findall(r'(?:src|href|srcset)\s*=\s*["\']([^"\']*)', page)
    assert links and all(link.startswith(("data:", "#section")) for link in links)
    assert "<script" not in page and "http:" not in page and "49" not in re.sub(r"base64,[^\"]*", "", page)
    assert page.count("is incomplete") == 2


def test_nonsense_is_refused_in_one_sentence(runs, tmp_path):
    a, b = runs
    with pytest.raises(UsageError, match="named twice"):
        read_runs([a, b, tmp_path / "." / "a"])
    with pytest.raises(UsageError, match="9 runs do not make one page"):
        read_runs([make_run(tmp_path / f"r{n}", [[1.0]]) for n in range(9)])
    alone = CliRunner().invoke(command, [str(a), "--csv", str(tmp_path / "t.csv")])
    assert isinstance(alone.exception, UsageError) and "is one" in str(alone.exception)


def test_runs_of_other_modalities_are_refused(tmp_path):
    a, b = (make_run(tmp_path / name, [[20.0]]) for name in "ab")
    (b / "results.jsonl").write_text((b / "results.jsonl").read_text().replace('"picture"', '"audio"', 1))
    assert '"modality":"audio"' in (b / "results.jsonl").read_text()
    with pytest.raises(UsageError, match="user 0 sends picture in a and audio in b"):
        read_runs([a, b])


def test_names_are_as_short_as_tells_them_apart(tmp_path):
    paths = [tmp_path / "x" / "run", tmp_path / "y" / "run"]
    assert short_names(paths) == ["x/run", "y/run"]
    assert short_names([tmp_path / "a", tmp_path / "b"]) == ["a", "b"]
