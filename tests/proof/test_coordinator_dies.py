"""Nodes that nobody supervises end when their coordinator is killed, transmitters first of all."""

import subprocess
import time

import pytest

from hil.supervise.supervisor import free_endpoint
from tests.proof.last_will import die_with_parent
from tests.proof.running import command, small_pictures

NAMES = ("coordinator", "air", "rx", "tx0", "tx1")
GONE_WITHIN_S = 5.0


@pytest.fixture
def nodes(tmp_path):
    bus, air = free_endpoint(), free_endpoint()
    shared = ["--images", small_pictures(tmp_path / "pictures"), "--frames", 5000, "--bus", bus]
    own = {name: ["--device", f"sim:{air}"] for name in NAMES[1:]} | {"coordinator": []}
    own["rx"] += ["--out", tmp_path / "run", "--no-report"]
    started = {}
    for name in NAMES:
        node = ["tx", "--user", name[2:]] if name.startswith("tx") else [name]
        with (tmp_path / f"{name}.log").open("w") as log:
            started[name] = subprocess.Popen(
                command(*node, *shared, *own[name]),
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )
    yield started
    for process in started.values():
        process.kill()
        process.wait()


def test_all_are_gone_within_five_seconds_and_say_why(nodes, tmp_path):
    results, end = tmp_path / "run" / "results.jsonl", time.monotonic() + 180.0
    while not results.exists() or results.read_bytes().count(b"\n") < 8:
        assert time.monotonic() < end and all(process.poll() is None for process in nodes.values())
        time.sleep(0.05)
    nodes.pop("coordinator").kill()
    end = time.monotonic() + GONE_WITHIN_S
    for name, process in nodes.items():
        assert process.wait(max(0.0, end - time.monotonic())) == 1, name
        said = (tmp_path / f"{name}.log").read_text()
        assert "has gone" in said and "Traceback" not in said
        assert ("the transmitter is off" in said) is name.startswith("tx")
