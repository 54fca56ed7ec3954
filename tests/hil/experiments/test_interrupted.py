"""`semnoma-hil run` over real processes, killed at any moment: the table has every line once."""

import os
import random
import signal
import subprocess
import time

import psutil
import pytest

from hil.experiments.table import read_table
from tests.proof.running import command, small_pictures

KILLS = 5
PLAN = """
name: killed
set: {{frames: 8, images: {images}}}
grid: {{snr_db: [5, 15]}}
"""


def lines(out):
    return sum(path.read_bytes().count(b"\n") for path in out.glob("points/*/results.jsonl"))


@pytest.mark.proof
def test_five_kills_cost_no_line_and_double_none(tmp_path):
    plan, out = tmp_path / "plan.yaml", tmp_path / "out"
    plan.write_text(PLAN.format(images=small_pictures(tmp_path / "pictures")))
    rng = random.Random(3)
    killed = []
    for number in range(KILLS):
        process = subprocess.Popen(
            command("run", plan, "--out", out), start_new_session=True, stderr=subprocess.DEVNULL
        )
        before, deadline = lines(out), time.monotonic() + 90
        awaited = before + number if number % 2 else 0  # else a kill before anything is recorded, or while nodes join
        while lines(out) < awaited and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 0.3 if awaited else 4))
        nodes = psutil.Process(process.pid).children()
        if number % 2 and nodes:  # one of its nodes: the point is tried again by itself; then the command
            killed.append(rng.choice(nodes))
            killed[-1].kill()
            time.sleep(rng.uniform(0.5, 1.5))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = subprocess.run(command("run", plan, "--out", out, "--json"), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    rows = read_table(out / "table.parquet")
    found = sorted((row["snr_db"], row["frame"], row["user"]) for row in rows)
    assert found == [(snr, frame, user) for snr in (5, 15) for frame in range(8) for user in range(2)]
    assert all(row["decoded"] and (out / row["received_image"]).is_file() for row in rows) and killed
    assert max(row["point_starts"] for row in rows) >= 2
