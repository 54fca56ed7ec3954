"""A whole run on the hosts of a lab: two sshds, the program as it is sent, results as they are collected."""

import json
import sys
import time

import pytest
from click.testing import CliRunner

from hil.cli.main import cli


@pytest.mark.proof
def test_a_run_on_two_hosts(bench, tmp_path):
    values = bench.values()
    (bench.folder / "run.yaml").write_text("{frames: 2, max_image_side_px: 64, bus: {join_timeout_s: 200}}")
    quick = bench.folder / "python"  # what is copied would have to be compiled first, for minutes on a busy machine
    quick.write_text(f'#!/bin/sh\nSEMNOMA_HIL_NO_NUMBA=1 exec {sys.executable} "$@"\n')
    quick.chmod(0o755)
    for host in values["hosts"].values():
        host["python"] = str(quick)
    values |= {"config": "run.yaml", "timeout_s": 60}
    path = bench.write(values)
    up = CliRunner().invoke(cli, ["lab", "up", str(path)], catch_exceptions=False)
    assert up.exit_code == 0, up.output
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        told = json.loads(CliRunner().invoke(cli, ["lab", "status", str(path), "--json"]).stdout)["hosts"]
        states = {name: node for facts in told.values() for name, node in facts["nodes"].items()}
        if all(node["state"] == "ended" for node in states.values()):
            break
        time.sleep(1)
    assert {name: node.get("code") for name, node in states.items()} == dict.fromkeys(values["nodes"], 0), states
    out = tmp_path / "out"
    assert CliRunner().invoke(cli, ["lab", "collect", str(path), "--out", str(out)]).exit_code == 0
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert len(rows) == 4 and all(row["psnr_db"] > 20 for row in rows)
    assert (out / "report.html").exists() and (out / "logs" / "tx1.log").exists()
    assert CliRunner().invoke(cli, ["lab", "down", str(path)]).exit_code == 0
