"""`zmq:` against GNU Radio's own zeromq blocks, in the interpreter that has them."""

import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from hil.supervise.supervisor import free_endpoint
from radio.device import RadioSettings
from radio.safety.guard import GuardConfig, TransmitGuard
from radio.safety.open import open_radio
from radio.samples import Samples

GUARD = TransmitGuard(GuardConfig(allowed_bands_hz=((2.4e9, 2.5e9),)))
SETTINGS = RadioSettings(1e6, 2.45e9)
RECEIVE = """
import sys
from gnuradio import blocks, gr, zeromq
block, endpoint, path, n = sys.argv[1:]
top = gr.top_block()
source = getattr(zeromq, block)(gr.sizeof_gr_complex, 1, endpoint, 100, False)
sink = blocks.file_sink(gr.sizeof_gr_complex, path)
sink.set_unbuffered(True)
top.connect(source, blocks.head(gr.sizeof_gr_complex, int(n)), sink)
top.run()
"""
SEND = """
import sys, time
import numpy as np
from gnuradio import blocks, gr, zeromq
block, endpoint, path = sys.argv[1:]
top = gr.top_block()
values = np.fromfile(path, np.complex64).tolist()
source = blocks.vector_source_c(values, block == "pub_sink")
sink = getattr(zeromq, block)(gr.sizeof_gr_complex, 1, endpoint, 100, False)
top.connect(source, blocks.throttle(gr.sizeof_gr_complex, 1e6), sink)
top.start()
time.sleep(60)
"""


def interpreter():
    """A Python that imports gnuradio, or None."""
    for python in (sys.executable, "/usr/bin/python3", shutil.which("python3")):
        probe = [python, "-c", "from gnuradio import zeromq"]
        if python and subprocess.run(probe, capture_output=True).returncode == 0:
            return python
    return None


PYTHON = interpreter()
pytestmark = pytest.mark.skipif(PYTHON is None, reason="gnuradio is not installed: apt-get install gnuradio")


def noise(n):
    rng = np.random.default_rng(3)
    return (rng.standard_normal((n, 2)) @ [0.1, 0.1j]).astype(np.complex64)


@pytest.mark.parametrize(("pattern", "block"), [("pushpull", "pull_source"), ("reqrep", "req_source")])
def test_its_sources_take_our_stream(tmp_path, pattern, block):
    endpoint, burst = free_endpoint(), noise(20_000)
    radio = open_radio(f"zmq:{endpoint}?pattern={pattern}&pace=0", role="tx", guard=GUARD)
    radio.configure(SETTINGS)
    radio.transmit(Samples(burst[np.newaxis], 3000, 1e6))
    radio.idle_until(40_000)
    out = tmp_path / "out.c64"
    command = [PYTHON, "-c", RECEIVE, block, endpoint, str(out), "30000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    radio.close()
    assert done.returncode == 0, done.stderr
    got = np.fromfile(out, np.complex64)
    assert not got[:3000].any() and not got[23_000:].any()
    np.testing.assert_array_equal(got[3000:23_000], burst)


def test_its_sub_source_takes_our_broadcast(tmp_path):
    endpoint, burst = free_endpoint(), noise(5_000)
    radio = open_radio(f"zmq:{endpoint}", role="tx", guard=GUARD)
    radio.configure(SETTINGS)
    out = tmp_path / "out.c64"
    process = subprocess.Popen([PYTHON, "-c", RECEIVE, "sub_source", endpoint, str(out), "100000000"])
    try:
        deadline = time.monotonic() + 100
        while not (out.exists() and out.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.05)
        radio.transmit(Samples(burst[np.newaxis], radio.now_tick() + 300_000, 1e6))
        time.sleep(1.0)
    finally:
        process.terminate()
        process.wait(10)
        radio.close()
    got = np.fromfile(out, np.complex64)
    begin = np.flatnonzero(got)[0]
    np.testing.assert_array_equal(got[begin : begin + 5000], burst)


@pytest.mark.parametrize(
    ("pattern", "block"), [("pushpull", "push_sink"), ("reqrep", "rep_sink"), ("pubsub", "pub_sink")]
)
def test_its_sinks_feed_our_receiver(tmp_path, pattern, block):
    endpoint, sent = free_endpoint(), noise(50_000)
    path = tmp_path / "in.c64"
    sent.tofile(path)
    radio = open_radio(f"zmq:{endpoint}?pattern={pattern}", role="rx")
    radio.configure(SETTINGS)
    process = subprocess.Popen([PYTHON, "-c", SEND, block, endpoint, str(path)])
    try:
        got = radio.receive(0, 50_000, timeout_s=100).data[0]
    finally:
        process.terminate()
        process.wait(10)
        radio.close()
    if pattern == "pubsub":  # it began before we were there and repeats
        shift = int(np.flatnonzero(sent == got[0])[0])
        sent = np.roll(sent, -shift)
    np.testing.assert_array_equal(got, sent)
