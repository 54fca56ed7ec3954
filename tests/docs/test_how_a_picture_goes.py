"""The page's functions exist, and a run of real nodes in this process calls them in the page's order."""

import contextlib
import inspect
import re
import sys
import threading
from importlib import import_module

import numpy as np
import pytest

from hil.bus.client import BusClient
from hil.bus.messages import Bye
from hil.bus.server import BusServer
from hil.config import load_config
from hil.nodes.air import AirNode
from hil.nodes.coordinator import Coordinator
from hil.nodes.receiver_setup import open_receiver
from hil.nodes.transmitter import TransmitterNode
from hil.report.finish import finish_run
from hil.results.run_folder import write_config
from hil.results.writer import ResultWriter
from models.images import open_images
from models.package.zoo import codec_folder
from models.runtime.encoder import SemanticEncoder
from radio.air.medium import Medium
from radio.air.serving.server import AirServer
from radio.device import RadioSettings
from radio.safety.open import open_radio
from radio.waveform.reception.receiver import BurstReceiver
from tests.docs.blocks import DOCS

PAGE = DOCS / "how-a-picture-goes.md"
_ROW = re.compile(r"^\| `([\w.]+)` \| (.+) \|$", re.M)
_ARRAY = re.compile(r"(complex64|float32|uint8) \[([^\]]+)\]")

# Patient, because a slow machine compiles the receiver's loops in the first frame.
OPTIONS = {
    "frames": 2, "snr_db": 20.0, "channel": "rayleigh", "max_image_side_px": 32, "feedback.probe_slots": 0,
    "compute_device": "cpu", "bus.node_timeout_s": 300.0, "bus.frame_timeout_s": 300.0, "air.stall_timeout_s": 300.0,
}  # fmt: skip


def tables():
    """{"forward": [(name, result), ...], "feedback": ...}."""
    parts = re.split(r"<!-- trace: (\w+) -->", PAGE.read_text(encoding="utf-8"))[1:]
    return {name: _ROW.findall(text) for name, text in zip(parts[::2], parts[1::2], strict=True)}


def function(name):
    """The plain function behind a dotted name; AttributeError or ImportError when there is none."""
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            found = import_module(".".join(parts[:cut]))
            break
    for part in parts[cut:]:
        found = inspect.getattr_static(found, part)
    assert inspect.isfunction(found), name
    return found


class Trace:
    """When a function's result is there: its return, or its call where it returns nothing."""

    def __init__(self, names):
        self.codes = {function(name).__code__: name for name in names}
        self.silent = {name for name in names if function(name).__annotations__["return"] in (None, "None")}
        self.seen, self.results, self._lock = [], {}, threading.Lock()

    def __call__(self, frame, event, value):
        if event not in ("call", "return") or (name := self.codes.get(frame.f_code)) is None:
            return
        if (event == "call") == (name in self.silent):
            with self._lock:
                self.seen.append(name)
                self.results.setdefault(name, value)


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    """Coordinator, air, receiver and two transmitters as threads over real sockets: two frames of 32x32 pixels."""
    out = tmp_path_factory.mktemp("run")
    traced = Trace({name for table in tables().values() for name, _ in table})
    faults = []
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for warmed in (BurstReceiver, Medium):
            patch.setattr(warmed, "warm_up", lambda self: None)  # would send bursts of its own through the steps
        patch.setattr("hil.nodes.receiver.GROUND_TRUTH_WAIT_S", 300.0)
        server = BusServer("tcp://127.0.0.1:*")
        stack.callback(server.close)
        air = AirServer(load_config(None, OPTIONS).air, "tcp://127.0.0.1:*", expected_users=2)
        stack.callback(air.close)
        there = {"bus.endpoint": server.endpoint, "radio.device": f"sim:{air.endpoint}"}
        config = load_config(None, OPTIONS | there)
        settings = RadioSettings(config.sample_rate_hz, config.center_frequency_hz)
        write_config(out, config)
        writer = stack.enter_context(contextlib.closing(ResultWriter(out, resume=False)))

        def member(name, make):
            bus = BusClient(server.endpoint, name, heartbeat_s=0.5, timeout_s=300)
            try:
                assert make(bus).run().complete
            except BaseException as fault:
                faults.append(fault)
                raise
            finally:
                bus.send(Bye(""))
                bus.close()

        def transmitter(user):
            def make(bus):
                radio = open_radio(config.radio.device, role="tx", index=user)
                stack.callback(radio.close)
                radio.configure(settings)
                images = open_images(config.images, max_side_px=config.max_image_side_px)
                encoder = SemanticEncoder.load(codec_folder(config.codec))
                return TransmitterNode(config, user, bus, radio, encoder, images, settings)

            return make

        def receiver(bus):
            node = open_receiver(config, bus, writer)
            stack.callback(node.radio.close)
            return node

        nodes = {"air": lambda bus: AirNode(config, bus, air), "rx": receiver}
        nodes |= {f"tx{user}": transmitter(user) for user in range(2)}
        coordinator = Coordinator(config, server, range(2), needs_air=True)
        threading.setprofile(traced)
        try:
            threads = [threading.Thread(target=member, args=item, daemon=True) for item in nodes.items()]
            threads.append(threading.Thread(target=coordinator.run, daemon=True))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(300)
        finally:
            threading.setprofile(None)
        assert not faults and not any(thread.is_alive() for thread in threads)
        before = sys.getprofile()
        sys.setprofile(traced)
        try:
            finish_run(out, config)
        finally:
            sys.setprofile(before)
    return traced


def test_the_forward_steps_come_in_the_order_of_the_page(trace):
    named = [name for name, _ in tables()["forward"]]
    assert len(named) == len(set(named)) > 20
    assert [name for name in dict.fromkeys(trace.seen) if name in named] == named


def test_the_feedback_steps_come_in_the_order_of_the_page(trace):
    seen = iter(trace.seen)
    for name, _ in tables()["feedback"]:
        assert name in seen, f"{name} does not come where the page has it"


def test_results_are_of_the_type_and_shape_that_the_page_says(trace):
    checked = 0
    for name, text in tables()["forward"]:
        result = trace.results[name]
        result = result[0] if isinstance(result, tuple) else result
        if isinstance(result, np.ndarray):
            kind, shape = _ARRAY.search(text).groups()
            assert (str(result.dtype), result.ndim) == (kind, len(shape.split(","))), name
            checked += 1
        elif result is not None and (said := re.match(r"`(\w+)`", text)):
            assert said.group(1) in [base.__name__ for base in type(result).__mro__], name
            checked += 1
        if text.startswith("nothing"):
            assert name in trace.silent, name
    assert checked > 12


def test_everything_that_the_page_mentions_exists():
    for name in re.findall(r"`((?:hil|radio|models|calibration)(?:\.\w+)+)`", PAGE.read_text(encoding="utf-8")):
        module, _, last = name.rpartition(".")
        if last[0].isupper():
            assert inspect.isclass(getattr(import_module(module), last)), name
        else:
            function(name)
