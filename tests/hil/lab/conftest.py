"""A lab of hosts that are sshds on 127.0.0.1, and its inventory."""

import subprocess
import sys

import pytest
import yaml

from tests.hil.lab.sshd import SSHD, Sshd, free_port, make_key


class Bench:
    """hosts: by name; `write` makes the inventory, with changes to its values."""

    def __init__(self, folder):
        self.folder, self.key = folder, folder / "user_key"
        make_key(self.key)
        self.hosts = {name: Sshd(folder / name, self.key) for name in ("desk", "pi")}
        (folder / "known_hosts").write_text("".join(host.known for host in self.hosts.values()))

    def values(self):
        hosts = {
            name: {"address": "127.0.0.1", "port": host.port, "user": host.user, "identity": str(self.key),
                   "python": sys.executable, "folder": str(host.home)}
            for name, host in self.hosts.items()
        }  # fmt: skip
        return {
            "name": "bench", "known_hosts": "known_hosts", "hosts": hosts, "timeout_s": 10,
            "bus": f"tcp://127.0.0.1:{free_port()}",
            "nodes": {"coordinator": {"host": "desk"}, "air": {"host": "desk"}, "rx": {"host": "desk"},
                      "tx0": {"host": "pi"}, "tx1": {"host": "pi"}},
        }  # fmt: skip

    def write(self, values=None):
        path = self.folder / "lab.yaml"
        path.write_text(yaml.safe_dump(values or self.values()))
        return path

    def stop(self):
        for host in self.hosts.values():
            host.stop()


@pytest.fixture
def bench(tmp_path, monkeypatch):
    if SSHD is None:
        pytest.skip("no sshd: apt-get install openssh-server")
    monkeypatch.setattr("hil.lab.inventory.is_loopback", lambda _endpoint: False)  # both hosts are this machine
    bench = Bench(tmp_path)
    yield bench
    for host in bench.hosts.values():
        if (host.home / "agent.py").exists():
            subprocess.run([sys.executable, "-I", host.home / "agent.py", '{"do": "stop", "grace_s": 1}'], check=True)
    bench.stop()


PROGRAM = """
import json, sys, time
if sys.argv[1] == "doctor":
    radios = [{"part": "radio", "name": "usrp", "ok": False, "state": "the library uhd is not installed"}]
    print(json.dumps({"findings": [{"part": "transmitter", "name": "onnxruntime", "ok": False}, *radios]}))
elif sys.argv[1] == "prepare":
    open(__file__ + ".prepared", "w").close()
else:
    print("works with", *sys.argv[1:], flush=True)
    time.sleep(60)
"""


@pytest.fixture
def small_program(monkeypatch):
    """Hosts get a program of a few lines instead of the testbed."""
    from hil.lab.files import Content

    files = {"code/hil/__init__.py": Content(b""), "code/hil/__main__.py": Content(PROGRAM.encode()),
             "code/radio/air.py": Content(b"")}  # fmt: skip
    monkeypatch.setattr("hil.lab.operations.shared_files", lambda _config: dict(files))
    return files
