"""A proof that is ended or killed leaves neither processes nor its folder behind, also where they were stopped."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.proof.last_will import MARK, ROOT, marked, scratch

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
PROOF = f"""
import os, signal, subprocess, sys, time
from tests.proof.last_will import die_with_parent, scratch
with scratch(sys.argv[1]) as folder:
    (folder / "logs").mkdir()
    nodes = [subprocess.Popen({SLEEP!r}, start_new_session=True) for _ in range(2)]
    nodes[1].send_signal(signal.SIGSTOP)
    print(folder, *(node.pid for node in nodes), flush=True)
    if sys.argv[2] == "fails":
        raise ValueError("broken")
    time.sleep(600)
"""
BARE = f"""
import subprocess, signal, time
from tests.proof.last_will import die_with_parent
child = subprocess.Popen({SLEEP!r}, start_new_session=True, preexec_fn=die_with_parent)
child.send_signal(signal.SIGSTOP)
print(child.pid, flush=True)
time.sleep(600)
"""


def until_gone(numbers, seconds=30.0):
    end = time.monotonic() + seconds
    while living := [number for number in numbers if alive(number)]:
        assert time.monotonic() < end, living
        time.sleep(0.05)


def alive(number):
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    return False


@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, -2), ("fails", 1)]
)
def test_however_a_proof_ends_nothing_of_it_is_left(tmp_path, how, code):
    proof = subprocess.Popen(
        [sys.executable, "-c", PROOF, str(tmp_path), str(how)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    folder, *numbers = proof.stdout.readline().split()
    assert len(numbers) == 2 and Path(folder).parent == tmp_path
    if how != "fails":
        assert all(map(alive, map(int, numbers)))
        proof.send_signal(how)
    assert proof.wait(60) in (code, 130 if how == signal.SIGINT else code)
    until_gone(map(int, numbers))
    end = time.monotonic() + 30.0
    while any(tmp_path.iterdir()):
        assert time.monotonic() < end, list(tmp_path.rglob("*"))
        time.sleep(0.05)


def test_a_run_dies_with_who_started_it_even_where_it_is_stopped():
    proof = subprocess.Popen([sys.executable, "-c", BARE], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    number = int(proof.stdout.readline())
    proof.kill()
    proof.wait()
    until_gone([number])


def test_others_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv(MARK, str(tmp_path / "another"))
    other = subprocess.Popen(SLEEP)
    try:
        with scratch(str(tmp_path)) as folder:
            assert folder.is_dir() and marked(str(folder)) == []
            time.sleep(0.1)
        assert not folder.exists() and alive(other.pid)
    finally:
        other.kill()
        other.wait()
