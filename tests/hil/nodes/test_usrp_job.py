"""The whole job over UHD's C interface: three processes, each with a device of the stand-in for libuhd, on one PPS."""

import json
import os
import subprocess
import sys

import pytest

from tests.uhd_double import build

DEVICE = "usrp:addr=127.0.0.1?clock=external&time=external"
SETTINGS = (
    "sample_rate_hz=500k", "max_image_side_px=64", "radio.tx_gain_db=0", "radio.lead_s=1.5", "bus.join_timeout_s=200",
)  # fmt: skip


@pytest.mark.proof
def test_two_users_send_at_the_ticks_of_their_slots(tmp_path):
    library = build(tmp_path)
    if library is None:
        pytest.skip("no C compiler for the stand-in for libuhd")
    joined = {"SEMNOMA_HIL_LIBUHD": str(library), "UHD_DOUBLE_ETHER": str(tmp_path / "ether"),
              "UHD_DOUBLE_NOISE": "0.01"}  # fmt: skip
    words = ["--device", DEVICE, "--tx-device", DEVICE, "--tx-device", DEVICE, "--frames", "2"]
    words += [word for setting in SETTINGS for word in ("--set", setting)]
    done = subprocess.run(
        [sys.executable, "-m", "hil", "loopback", *words, "--out", tmp_path / "run"],
        env=os.environ | joined, capture_output=True, text=True, timeout=290,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "run" / "results.jsonl").read_text().splitlines()]
    assert len(rows) == 4 and all(row["decoded"] and row["psnr_db"] > 20 for row in rows)
    assert all(abs(row["delay_samples"]) <= 2 for row in rows)
