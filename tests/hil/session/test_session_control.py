"""The loops inside whole sessions: processes, bus and simulated air, from a cold start with clocks of 20 ppm."""

import json
import subprocess
import sys

import yaml

FRAMES = 17  # after three probes: twenty bursts in all
TOGETHER = {"gain_db": -6.0, "delay_samples": 0.0}


def session(folder, air, snr_db, **control):
    config = folder / "config.yaml"
    values = {"frames": FRAMES, "max_image_side_px": 64, "snr_db": snr_db, "air": air, "control": control}
    config.write_text(yaml.safe_dump(values))
    out = folder / "run"
    command = [sys.executable, "-m", "hil", "loopback", "--config", str(config), "--out", str(out), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def test_users_from_anywhere_end_aligned_and_cost_no_picture_quality(tmp_path):
    """Twenty bursts; PSNR as with ideal clocks and equal paths to 0.3 dB, at the SNR that is left at equal powers.

    16 dB of both users together are 15.0 and 9.0 dB of each; the louder one is turned down.
    """
    (tmp_path / "loops").mkdir()
    (tmp_path / "ideal").mkdir()
    apart = {
        "clock_ppm": 20.0,
        "links": [{"gain_db": 0.0, "delay_samples": 2.4}, {"gain_db": -6.0, "delay_samples": 70.7}],
    }
    summary, rows = session(tmp_path / "loops", apart, 16.0, timing=True, power=True)
    ideal = {"clock_ppm": 0.0, "phase_noise": None, "links": [TOGETHER, TOGETHER]}
    reference, _ = session(tmp_path / "ideal", ideal, 12.0)
    last = {row["user"]: row for row in rows if row["frame"] == FRAMES - 1}
    assert max(abs(row["cfo_hz"]) for row in last.values()) < 0.002 * 4e6 / 256
    assert max(abs(row["delay_samples"]) for row in last.values()) < 32 / 8
    assert abs(last[0]["channel_gain_db"] - last[1]["channel_gain_db"]) < 0.5
    assert all(row["loops"] == dict.fromkeys(("frequency", "timing", "power"), "locked") for row in last.values())
    assert last[0]["gain_db"] < -5 and last[1]["gain_db"] == 0
    assert max(abs(row["delay_samples"] - row["delay_true_samples"]) for row in last.values()) < 0.6
    assert summary["images_decoded"] == reference["images_decoded"] == 2 * FRAMES
    assert summary["psnr_db"] >= reference["psnr_db"] - 0.3
