"""A run recorded and replayed, judged by sigmf and by the run's own results."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import sigmf

from hil.dataset import open_capture
from hil.errors import UsageError
from hil.supervise.replay import replay_config
from radio.recording import SigmfWriter
from tests.hil.supervise.alike import assert_alike, assert_same_picture


def run(*arguments):
    """One thread of arithmetic, as the nodes of a loopback run have: sums then come in the same order."""
    command = [sys.executable, "-m", "hil", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=240, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )


TONE = {"power": 0.04, "frequency_hz": 287_500}  # 6 dB over the noise of 10 dB


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    capture = folder / "capture.sigmf-meta"
    done = run("loopback", "--frames", 2, "--channel", "tdl-a", "--set", "max_image_side_px=64", "--json",
               "--set", f"air.interferers={json.dumps([TONE])}",
               "--out", folder / "run", "--record", capture, "--capture", "all")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "run", capture


def rows(out):
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    return sorted(lines, key=lambda row: (row["frame"], row["user"]))


def test_the_recording_is_valid_and_tells_the_whole_run(recorded):
    _, capture = recorded
    recording = sigmf.fromfile(str(capture))
    recording.validate()
    labels = [annotation["core:label"] for annotation in recording.get_annotations()]
    assert labels[:3] == ["probe 0", "probe 0 user 0", "probe 0 user 1"]
    assert labels[-3:] == ["frame 1", "frame 1 user 0", "frame 1 user 1"]
    assert len(recording.get_captures()) == 5
    config = recording.get_global_info()["semnoma:config"]
    assert (config["users"], config["channel"]) == (2, "tdl-a")


def test_a_tone_that_the_air_holds_stands_in_every_row(recorded):
    """As the receiver node saw it; that a replay finds the same is below."""
    for row in rows(recorded[0]):
        (tone,) = row["tones"]
        assert tone["frequency_hz"] == pytest.approx(TONE["frequency_hz"], abs=50)
        assert tone["power_db"] == pytest.approx(10 * math.log10(TONE["power"]), abs=0.5)
        assert row["events"].get("interference", 0) == (row["user"] == 0)


@pytest.mark.parametrize("kind", ["SigMF", "HDF5"])
def test_replay_gives_the_same_rows_and_pictures(recorded, kind):
    """And a capture of the replay holds what that of the run did."""
    pytest.importorskip("h5py", reason="h5py is not installed: pip install '.[data]'")
    out, capture = recorded
    again, recording = out.parent / f"again-{kind}", capture if kind == "SigMF" else out / "capture.h5"
    done = run("replay", recording, "--out", again, "--json", "--capture", "iq,csi,truth")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images_decoded"] == 4
    with open_capture(out) as first, open_capture(again) as second:
        for field in first.fields:
            if field.name != "slots/facts":  # whose reports say when the receiver sent them
                name = f"{field.name}_count" if field.ragged else field.name
                np.testing.assert_array_equal(first.column(name), second.column(name), err_msg=name)
    for before, after in zip(rows(out), rows(again), strict=True):
        assert before.pop("latency_ms") and after.pop("latency_ms")
        assert_alike(before, after)
        assert_same_picture(out / before["received_image"], again / before["received_image"])
        assert (out / before["original_image"]).read_bytes() == (again / before["original_image"]).read_bytes()
    assert (again / "report.html").exists()


def test_a_recording_is_never_overwritten(recorded):
    out, capture = recorded
    done = run("loopback", "--frames", 1, "--out", out.parent / "other", "--record", capture)
    assert done.returncode == 2
    assert "exists already" in done.stderr and "Traceback" not in done.stderr


def test_recordings_of_others_are_refused_in_one_sentence(tmp_path):
    writer = SigmfWriter(tmp_path / "foreign", 1e6, 1e9)
    writer.close()
    with pytest.raises(UsageError, match="was not recorded by semnoma-hil"):
        replay_config(tmp_path / "foreign.sigmf-meta")
    done = run("replay", tmp_path / "nothing.sigmf-meta")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and "No such file" in done.stderr
