"""Two users' videos over real processes: nothing is lost, what is recorded is what was received, ends are clean."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from tests.hil.video.clips import pictures, psnr_db, read, write

SIZE = (32, 32)


def loopback(*arguments):
    command = [sys.executable, "-m", "hil", "loopback", "--size", "32x32", *map(str, arguments)]
    return subprocess.run([*command, "--no-report", "--json"], capture_output=True, text=True, timeout=240)


def rows(out, user):
    found = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    return sorted((row for row in found if row["user"] == user), key=lambda row: row["frame"])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """User 0 sends seven pictures from a file; user 1 four through a pipe, whose writer then dies in the middle."""
    folder = tmp_path_factory.mktemp("video")
    made = pictures(7, *SIZE), pictures(4, *SIZE, seed=1)
    write(folder / "a.mp4", made[0])
    os.mkfifo(folder / "camera")
    raw = made[1].tobytes() + bytes(100)
    writer = threading.Thread(target=(folder / "camera").write_bytes, args=(raw,), daemon=True)
    writer.start()
    out = folder / "run"
    settings = ("--late", "queue", "--snr", 20, "--set", "video.pictures_every=1", "--set", "video.record=side-by-side")
    sources = ("--video", folder / "a.mp4", "--video", folder / "camera", "--raw", "rgb24,32x32,10")
    done = loopback(*sources, *settings, "--out", out)
    assert done.returncode == 0, done.stderr
    writer.join()
    return out, made, json.loads(done.stdout)


@pytest.mark.parametrize(("user", "n"), [(0, 7), (1, 4)])
def test_every_picture_of_each_user_is_recorded_once(finished, user, n):
    out, made, _ = finished
    found = rows(out, user)
    assert [row["live"]["number"] for row in found] == list(range(n))
    assert not any(row["live"]["dropped"] or row["live"]["repeated"] for row in found)
    assert all(row["decoded"] for row in found)
    originals = [np.asarray(Image.open(out / row["original_image"])) for row in found]
    assert all(psnr_db(one, other) > 38 for one, other in zip(originals, made[user], strict=True))


def test_the_time_from_capture_to_display_is_the_sum_of_its_stages(finished):
    for user in (0, 1):
        for row in rows(finished[0], user):
            live = row["live"]
            assert live["clock_uncertainty_ms"] == 0 and set(live["stages_ms"]) == {
                "capture", "wait for slot", "encode", "air", "receive", "decode", "show",
            }  # fmt: skip
            assert min(live["stages_ms"].values()) >= 0
            assert live["total_ms"] == pytest.approx(sum(live["stages_ms"].values()))


@pytest.mark.parametrize("user", [0, 1])
def test_the_recording_is_what_was_sent_and_received_side_by_side(finished, user):
    out, _, _ = finished
    found = rows(out, user)
    times_s, film = read(out / "video" / f"user{user}.mp4")
    kinds = ("original_image", "received_image")
    for row, picture in zip(found, film, strict=True):
        beside = np.concatenate([np.asarray(Image.open(out / row[kind])) for kind in kinds], axis=1)
        assert psnr_db(picture, beside) > 28  # its colours have half the resolution
    positions_s = [row["live"]["position_s"] for row in found]
    assert np.all(np.diff(times_s) > 0) and len(times_s) == len(positions_s)


def test_the_summary_counts_what_came(finished):
    _, _, summary = finished
    assert summary["complete"] and summary["missing"] == [] and summary["frames"] == 7
    live = summary["live"]
    assert (live["pictures"], live["dropped"], live["repeated"]) == (11, 0, 0)
    assert [user["pictures"] for user in live["per_user"]] == [7, 4]
    assert live["total_ms"]["p50"] <= live["total_ms"]["p99"] <= live["total_ms"]["largest"]


def test_a_video_does_not_come_again(finished):
    out, _, _ = finished
    done = loopback("--video", out.parent / "a.mp4", "--out", out, "--resume")
    assert done.returncode == 2 and "choose another --out" in done.stderr and "Traceback" not in done.stderr
