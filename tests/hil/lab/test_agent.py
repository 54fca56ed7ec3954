"""The agent on a host: nodes outlive the call that starts them, and are ended with all their processes."""

import io
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import psutil
import pytest

import hil.lab.agent

SLEEPER = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "


@pytest.fixture
def ask(tmp_path):
    agent = tmp_path / "agent.py"
    agent.write_bytes(Path(hil.lab.agent.__file__).read_bytes())

    def ask(action, **request):
        text = json.dumps({"do": action, **request})
        done = subprocess.run([sys.executable, "-I", agent, text], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    yield ask
    ask("stop", grace_s=1)


def start(ask, name, code):
    return ask("start", name=name, argv=["-c", code], environment={}, run="run")


def ended(ask, name, limit_s=100):
    deadline = time.monotonic() + limit_s
    while (state := ask("status")[name])["state"] == "running" and time.monotonic() < deadline:
        time.sleep(0.02)
    return state


def marked(folder):
    """Living processes of the nodes below a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("CODE", "").startswith(str(folder)) and process.status() != "zombie":
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_a_node_is_ended_with_its_children_and_leaves_nothing(ask, tmp_path):
    first = start(ask, "tx0", SLEEPER + "time.sleep(600)")
    assert start(ask, "tx0", "pass") == {"running": first["pid"]}
    state = ask("status")["tx0"]
    assert state["state"] == "running" and state["for_s"] < 300
    assert ask("stop", grace_s=60) == {"tx0": "stopped"}
    assert ask("status") == {} and marked(tmp_path) == [] and list((tmp_path / "pids").iterdir()) == []


def test_a_node_that_ignores_the_signal_is_killed(ask, tmp_path):
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(600)"
    start(ask, "rx", stubborn)
    while "deaf" not in ask("status")["rx"]["last"]:
        time.sleep(0.02)
    assert ask("stop", grace_s=0.2) == {"rx": "killed"} and marked(tmp_path) == []


def test_a_node_that_got_no_keeper_any_more_is_still_found(ask, tmp_path):
    pid = start(ask, "tx0", SLEEPER + "time.sleep(600)")["pid"]
    while len(marked(tmp_path)) < 3:
        time.sleep(0.02)
    os.kill(pid, 9)
    assert ask("status")["tx0"]["state"] == "running"
    assert ask("stop", grace_s=60) == {"tx0": "stopped"} and marked(tmp_path) == []


def test_how_a_node_ended_is_told(ask):
    start(ask, "rx", "import sys; print('error: no radio was found.'); sys.exit(3)")
    state = ended(ask, "rx")
    assert (state["state"], state["code"], state["error"]) == ("ended", 3, "no radio was found.")
    pid = start(ask, "tx0", "import time; time.sleep(600)")["pid"]
    os.killpg(pid, 9)
    assert ended(ask, "tx0")["state"] == "killed"
    assert ask("stop", grace_s=1) == {"rx": "had ended", "tx0": "had ended"}


def test_another_process_of_that_number_is_left_alone(ask, tmp_path):
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    (tmp_path / "pids").mkdir()
    record = {"pid": stranger.pid, "began": 1, "run": "run", "log": "runs/run/logs/tx0.log"}
    (tmp_path / "pids" / "tx0.json").write_text(json.dumps(record))
    assert ask("status")["tx0"]["state"] == "killed" and ask("stop", grace_s=0.1) == {"tx0": "had ended"}
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_files_stay_inside_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(hil.lab.agent, "HERE", tmp_path / "lab")
    (tmp_path / "lab").mkdir()
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    for member, sentence in ((tarfile.TarInfo("../escaped"), "is not below"), (link, "link is no file")):
        with tarfile.open(tmp_path / "lab" / "incoming.tar.gz", "w:gz") as tar:
            tar.addfile(member, io.BytesIO())
        with pytest.raises(ValueError, match=sentence):
            hil.lab.agent.unpack("incoming.tar.gz", [])
    for name in ("../x", "/etc/hostname", "."):
        with pytest.raises(ValueError, match="is not below"):
            hil.lab.agent.unpack("incoming.tar.gz", [name])
    assert not (tmp_path / "escaped").exists()
