"""A Ray cluster gives what this machine gives, bit by bit, also when a worker is killed."""

import json
import secrets
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pyarrow.parquet
import pytest
from rich.console import Console

from hil.errors import UsageError
from hil.experiments.plan import Plan, load_plan
from hil.experiments.run import run_experiment
from hil.experiments.table import is_circumstance

HEAD = """
import sys, tempfile, ray
with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:
    context = ray.init(num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1", _temp_dir=folder,
                       object_store_memory=80_000_000, log_to_driver=False)
    print(context.address_info["gcs_address"], flush=True)
    sys.stdin.read()
    ray.shutdown()
"""


@pytest.fixture
def head(monkeypatch):
    """(address, process) of a cluster of two cores of this machine, closed to others by a token of its own."""
    pytest.importorskip("ray", reason="Ray is not installed")
    for name, value in {
        "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    process = subprocess.Popen(
        [sys.executable, "-c", HEAD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process.stdout.readline().strip(), process
    finally:
        process.communicate(timeout=240)


def columns_that_agree(path):
    table = pyarrow.parquet.read_table(path)
    return table.select([name for name in table.column_names if not is_circumstance(name)])


PLAN = """
name: p
kind: evaluate
set: {{images: {images}}}
grid: {{snr_db: [0, 10], scheme: [compact-2u]}}
"""


def kill_workers(parent, count, killed, over):
    """SIGKILL to so many different workers while each runs a point."""
    while not over.is_set() and len(killed) < count:
        for worker in psutil.Process(parent).children(recursive=True):
            try:
                if worker.pid not in killed and worker.cmdline()[0].startswith("ray::_on_worker"):
                    worker.kill()
                    killed.append(worker.pid)
                    break
            except (psutil.Error, IndexError):
                continue
        time.sleep(0.1)


def test_the_table_is_the_local_one_though_a_worker_is_killed(head, tmp_path):
    address, process = head
    np.savez(tmp_path / "set.npz", images=np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3), np.uint8))
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN.format(images=tmp_path / "set.npz"))
    killed, over = [], threading.Event()
    killer = threading.Thread(target=kill_workers, args=(process.pid, 1, killed, over))
    killer.start()
    arguments = ["-m", "hil", "run", plan, "--out", tmp_path / "there", "--ray-address", address, "--json"]
    try:  # a process of its own: what Ray reads of the environment it reads once
        done = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, timeout=200)
    finally:
        over.set()
        killer.join()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 2 * 24 and len(killed) == 1
    run_experiment(load_plan(plan), tmp_path / "here", console=Console(quiet=True))
    there, here = (columns_that_agree(tmp_path / name / "table.parquet") for name in ("there", "here"))
    assert there.equals(here)


def test_no_cluster_is_told_in_a_sentence(tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed")
    with pytest.raises(UsageError, match="no Ray cluster"):
        run_experiment(Plan(name="p"), tmp_path / "e", ray_address="127.0.0.1:1", console=Console(quiet=True))
