"""The whole job over the real SoapySDR: three processes, each with a loopback device and a clock of its own."""

import json
import os
import subprocess
import sys

import pytest

from tests.soapy_loopback import build

SETTINGS = (
    "sample_rate_hz=250k", "max_image_side_px=64", "radio.tx_gain_db=0", "radio.rx_gain_db=20", "radio.settle_s=1.2",
    "bus.join_timeout_s=200", "bus.node_timeout_s=60", "bus.frame_timeout_s=600", "guard.max_silence_s=60",
)  # fmt: skip


@pytest.mark.timeout(900)  # for a busy machine
def test_two_users_who_repeat_their_slots_arrive_together(tmp_path):
    if lacking := build(tmp_path):
        pytest.skip(lacking)
    joined = {"SOAPY_SDR_PLUGIN_PATH": str(tmp_path), "SOAPY_LOOPBACK_ETHER": str(tmp_path / "ether"),
              "SOAPY_LOOPBACK_NOISE": "0.01"}  # fmt: skip
    words = ["--device", "soapy:driver=testloopback", "--frames", "1"]
    words += ["--tx-device", "soapy:driver=testloopback?repeat=1"] * 2
    words += [word for setting in SETTINGS for word in ("--set", setting)]
    out = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, "-m", "hil", "loopback", *words, "--out", out],
        env=os.environ | joined, capture_output=True, text=True, timeout=880,
    )  # fmt: skip
    logs = "".join(path.read_text() for path in (out / "logs").glob("*.log"))
    assert done.returncode == 0, done.stderr + logs
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert len(rows) == 2 and all(row["decoded"] and row["psnr_db"] > 20 for row in rows), logs
    assert all(abs(row["delay_samples"]) <= 8 for row in rows)
