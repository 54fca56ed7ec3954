"""The whole job over somebody else's channel: two sample streams in, their sum and noise out, by plain sockets."""

import json
import subprocess
import sys
import threading

import numpy as np
import pytest
import zmq

from hil.errors import UsageError
from hil.session.keeping_time import check_receiver, transmits_by_repeating
from hil.supervise.supervisor import free_endpoint
from radio.device import Capabilities

NOISE = 0.003


class Channel(threading.Thread):
    """Adds what two PUSH transmitters stream, sample by sample, and pushes it on with noise."""

    def __init__(self):
        super().__init__(daemon=True)
        self.inputs = [free_endpoint(), free_endpoint()]
        self.output = free_endpoint()
        self.stopped = threading.Event()

    def run(self):
        with zmq.Context() as context:
            sources = [context.socket(zmq.PULL) for _ in self.inputs]
            sink = context.socket(zmq.PUSH)
            for socket in (*sources, sink):  # a channel that holds little back
                socket.set_hwm(4)
                socket.sndbuf = socket.rcvbuf = 1 << 17
            for source, endpoint in zip(sources, self.inputs, strict=True):
                source.connect(endpoint)
            sink.bind(self.output)
            waiting, rng = [np.zeros(0, np.complex64)] * 2, np.random.default_rng(6)
            waiting[0] = np.zeros(1234, np.complex64)  # one of them is that much later
            while not self.stopped.is_set():
                for number, source in enumerate(sources):
                    while waiting[number].size < 8192 and source.poll(20):
                        waiting[number] = np.concatenate([waiting[number], np.frombuffer(source.recv(), np.complex64)])
                n = min(part.size for part in waiting)
                if n and sink.poll(20, zmq.POLLOUT):
                    noise = (rng.standard_normal((n, 2)) @ [NOISE, NOISE * 1j]).astype(np.complex64)
                    sink.send((waiting[0][:n] + waiting[1][:n] + noise).tobytes())
                    waiting = [part[n:] for part in waiting]
            context.destroy(0)


def test_pictures_arrive_over_a_foreign_channel(tmp_path):
    channel = Channel()
    channel.start()
    out = tmp_path / "run"
    command = [sys.executable, "-m", "hil", "loopback", "--frames", "1", "--out", out, "--json",
               "--device", f"zmq:{channel.output}?pattern=pushpull"]  # fmt: skip
    for endpoint in channel.inputs:
        command += ["--tx-device", f"zmq:{endpoint}?pattern=pushpull&repeat=1"]
    for setting in ("sample_rate_hz=1e6", "max_image_side_px=64", "bus.node_timeout_s=20", "radio.settle_s=1"):
        command += ["--set", setting]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=250)
    channel.stopped.set()
    channel.join(60)
    logs = "".join(path.read_text() for path in (out / "logs").glob("*.log"))
    assert done.returncode == 0, done.stderr + logs
    assert json.loads(done.stdout)["images_decoded"] == 2, logs


class FakeRadio:
    uri = "fake:"

    def __init__(self, **ways):
        limits = (0.0, 1.0)
        self.capabilities = Capabilities(limits, limits, limits, limits, **ways)


def test_radios_that_cannot_keep_time_together_are_refused():
    assert not transmits_by_repeating(FakeRadio())
    assert transmits_by_repeating(FakeRadio(timed_transmit=False, repeat_transmit=True, shared_clock=False))
    with pytest.raises(UsageError, match="keeps a clock of its own"):
        transmits_by_repeating(FakeRadio(shared_clock=False))
    check_receiver(FakeRadio(shared_clock=False), repeats=True)
    with pytest.raises(UsageError, match="does not share the transmitters' clock"):
        check_receiver(FakeRadio(shared_clock=False), repeats=False)
