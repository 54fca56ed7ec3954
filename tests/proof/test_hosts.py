"""The lab's nodes on four hosts with addresses of their own, over the encrypted bus and links that are bad."""

import subprocess
import time

import pytest

from hil.bus.keys import create_keys
from hil.results.rows import read_rows
from tests.proof.hosts import Hosts, why_not
from tests.proof.running import command, small_pictures

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())
LAB, RX, TX0, TX1 = "lab", "rx", "tx0", "tx1"


class Lab:
    """Coordinator, receiver with air, and two transmitters on hosts of their own."""

    def __init__(self, hosts, folder, frames, *settings):
        self.hosts, self.folder, self.out = hosts, folder, folder / "run"
        pictures, keys = small_pictures(folder / "pictures"), folder / "keys"
        create_keys(keys, ["tx0", "tx1", "rx", "air"])
        self._shared = ["--images", pictures, "--frames", frames, "--keys", keys]
        self._shared += ["--bus", f"tcp://{hosts.addresses[LAB]}:5555"]
        self._shared += [part for setting in settings for part in ("--set", setting)]
        air = f"sim:tcp://{hosts.addresses[RX]}:5600"
        self.processes = {}
        self._start("coordinator", LAB, "--set", f"bus.endpoint=tcp://{hosts.addresses[LAB]}:5555")
        self._start("air", RX, "--device", air, "--allow-remote")
        self._start("rx", RX, "--device", air, "--out", self.out, "--no-report")
        self._start("tx0", TX0, "--device", air)
        self._start("tx1", TX1, "--device", air)

    def _start(self, name, host, *own):
        node = ["tx", "--user", name[2:]] if name.startswith("tx") else [name]
        log = (self.folder / f"{name}.log").open("w")
        self.processes[name] = self.hosts.start(
            host, command(*node, *self._shared, *own), stdout=log, stderr=subprocess.STDOUT
        )

    def log(self, name):
        return (self.folder / f"{name}.log").read_text()

    def until(self, ready, seconds=60.0):
        end = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < end, {name: self.log(name) for name in self.processes}
            time.sleep(0.05)

    def recorded(self):
        return len(read_rows(self.out)) if (self.out / "results.jsonl").exists() else 0

    def finish(self, seconds=90):
        for name, process in self.processes.items():
            assert process.wait(seconds) == 0, (name, self.log(name))
        return read_rows(self.out)

    def close(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture
def lab(tmp_path):
    with Hosts(LAB, RX, TX0, TX1) as hosts:
        labs = []

        def make(frames, *settings, delay_s=0.0, loss=0.0):
            hosts.switch.delay_s, hosts.switch.loss = delay_s, loss
            labs.append(Lab(hosts, tmp_path, frames, *settings))
            return labs[-1]

        yield make
        for each in labs:
            each.close()


def test_delay_loss_and_a_link_that_is_cut_and_comes_back(lab):
    here = lab(40, "bus.node_timeout_s=6", "air.stall_timeout_s=6", delay_s=0.1, loss=0.01)
    here.until(lambda: here.recorded() >= 8)
    whole = read_rows(here.out)
    here.hosts.switch.cut = {TX1}
    here.until(lambda: "tx1 is lost" in here.log("coordinator"))
    alone = here.recorded()
    here.until(lambda: here.recorded() >= alone + 6)  # the others go on
    here.hosts.switch.cut = set()
    here.until(lambda: "tx1 is back" in here.log("coordinator"))
    back = max(row.frame for row in read_rows(here.out))
    rows = here.finish()
    assert here.hosts.switch.lost > 0
    assert sorted((row.frame, row.user) for row in rows) == [(f, u) for f in range(40) for u in range(2)]
    assert all(row.decoded for row in whole)  # delay and loss cost time and nothing else
    assert sum(not row.decoded for row in rows if row.user == 0) <= 1  # the frame that the cut fell into
    assert any("lost" in row.reason for row in rows if row.user == 1 and not row.decoded)
    assert back < 36 and all(row.decoded for row in rows if row.frame > back + 3)


@pytest.mark.parametrize("host", [LAB, RX, TX1])  # the coordinator's; the receiver's and the air's; a transmitter's
def test_a_cut_of_twenty_seconds_costs_time_and_no_picture(lab, host):
    frames = 300 if host == TX1 else 40  # the others go on without it
    here = lab(frames, delay_s=0.02)
    here.until(lambda: here.recorded() >= 8, 120.0)
    here.hosts.switch.cut = {host}
    time.sleep(20.0)
    for name in {LAB: ("tx0", "tx1"), RX: (), TX1: ("tx1",)}[host]:
        assert "the transmitter is off" in here.log(name)
    at = here.recorded()
    here.hosts.switch.cut = set()
    if host == TX1:
        here.until(lambda: "tx1 is back" in here.log("coordinator"), 30.0)
    here.until(lambda: here.recorded() > at, 30.0)
    rows = here.finish(240)
    assert sorted((row.frame, row.user) for row in rows) == [(f, u) for f in range(frames) for u in range(2)]
    assert all(row.decoded for row in rows), [row.reason for row in rows if not row.decoded]


def test_of_thirty_percent_loss_and_200_ms_every_picture_comes_or_says_why_not(lab):
    here = lab(16, delay_s=0.02)
    here.until(lambda: here.recorded() >= 8, 120.0)
    here.hosts.switch.delay_s, here.hosts.switch.jitter_s, here.hosts.switch.loss = 0.2, 0.05, 0.3
    rows = here.finish(480)
    assert sorted((row.frame, row.user) for row in rows) == [(f, u) for f in range(16) for u in range(2)]
    assert all(row.decoded or row.reason for row in rows)
    assert here.hosts.switch.lost > 100
