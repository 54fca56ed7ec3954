"""The whole job over three emulated Plutos, the real libiio and pyadi-iio."""

import json
import subprocess
import sys

import pytest

from radio.devices.pluto_link import missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


def test_pictures_of_two_users_arrive(tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "tests.emulated_pluto.job", "--out", out, "--max-side", "64"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr + "".join(p.read_text() for p in (out / "logs").glob("*.log"))
    summary = json.loads((out / "summary.json").read_text())
    assert summary["images_decoded"] == summary["images_sent"] == 4
    assert summary["psnr_db"] > 20
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert all(abs(row["delay_samples"]) < 8 and abs(row["cfo_hz"]) < 50 for row in rows)
    # Alignment is by software: what is left of it from frame to frame is reported, and stays within the prefix.
    assert all(0 <= user["arrival_jitter_samples"] < 8 for user in summary["per_user"])


def test_each_user_needs_a_transmitter_of_its_own(tmp_path):
    command = [sys.executable, "-m", "hil", "loopback", "--tx-device", "pluto:ip:127.0.0.1:9", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 2 and "1 transmitters are named for 2 users" in done.stderr
