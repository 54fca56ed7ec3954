"""Several pictures a burst over real processes: recorded, replayed, interrupted and resumed."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.hil.supervise.alike import assert_alike, assert_same_picture

pytestmark = pytest.mark.slow
FRAMES, PICTURES = 5, 3


def run(*arguments):
    command = [sys.executable, "-m", "hil", *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rows(out):
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    return sorted(lines, key=lambda row: (row["frame"], row["user"]))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    capture = folder / "capture.sigmf-meta"
    steps = np.random.default_rng(1).integers(0, 256, (10, 4, 4, 3), dtype=np.uint8)
    np.savez(folder / "pictures.npz", images=np.kron(steps, np.ones((1, 8, 8, 1), np.uint8)))  # 32x32, of one size all
    options = ["--frames", FRAMES, "--pictures-per-burst", PICTURES, "--channel", "tdl-a", "--json",
               "--images", folder / "pictures.npz", "--captions", "text:words", "--out", folder / "run"]  # fmt: skip
    return folder / "run", capture, options, run("loopback", *options, "--record", capture)


def test_every_picture_is_a_row_and_a_burst_has_one_channel(recorded):
    out, _, _, summary = recorded
    assert summary["images_decoded"] == 2 * FRAMES and summary["complete"]
    found = rows(out)
    assert [(row["frame"], row["user"]) for row in found] == [(f, u) for f in range(FRAMES) for u in range(2)]
    assert [row["burst_pictures"] for row in found[::2]] == [3, 3, 3, 2, 2]
    # One burst has one carrier and one measurement of it, the next burst another one.
    assert len({row["cfo_hz"] for row in found[:6:2]}) == 1 and len({row["cfo_hz"] for row in found[::2]}) == 2
    assert len({row["psnr_db"] for row in found}) == 2 * FRAMES and all(row["bits_delivered"] for row in found)
    mean = sum(row["overhead"] for row in found) / len(found)
    assert summary["overhead"] == pytest.approx(mean) and found[0]["overhead"] < found[-1]["overhead"] < 0.9
    assert (out / "report.html").exists()


def test_replay_gives_the_same_rows_and_pictures(recorded):
    out, capture, _, _ = recorded
    run("replay", capture, "--out", out.parent / "again", "--json")
    for before, after in zip(rows(out), rows(out.parent / "again"), strict=True):
        assert before.pop("latency_ms") and after.pop("latency_ms")
        assert_alike(before, after)
        again = out.parent / "again"
        assert_same_picture(out / before["received_image"], again / before["received_image"])
        assert (out / before["original_image"]).read_bytes() == (again / before["original_image"]).read_bytes()


def test_resuming_sends_the_bursts_again_that_have_a_picture_missing(recorded):
    out, _, options, _ = recorded
    kept = [row for row in rows(out) if row["frame"] in (0, 2) or (row["frame"], row["user"]) == (1, 1)]
    (out / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))
    summary = run("loopback", *options, "--resume")
    assert summary["complete"] and summary["images_decoded"] == 2 * FRAMES
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert lines[: len(kept)] == kept and rows(out)[2]["burst_pictures"] == 3  # whole, though one picture was missing
