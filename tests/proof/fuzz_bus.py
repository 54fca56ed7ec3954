"""Damaged bus messages, into everything that takes them."""

import math
import random
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

import msgspec

from hil.bus.messages import (  # fmt: skip
    PROTOCOL_VERSION,
    Bye,
    CsiReport,
    Envelope,
    FrameDone,
    Grant,
    Heartbeat,
    Hello,
    Link,
    NodeLost,
    Refused,
    Sent,
    Start,
    Stop,
    Truth,
    UserCommand,
    UserCsi,
    decode,
    encode,
)
from hil.bus.wire import Received
from hil.config import RunConfig, load_config
from hil.errors import HilError
from hil.loops_config import ControlConfig
from hil.nodes.coordinator import Coordinator, Node
from hil.nodes.receiver import ReceiverNode
from hil.session.control import SessionControl
from hil.session.csi_path import CsiPath
from hil.session.feedback import side_information
from hil.session.rotation import RotationLoop
from hil.session.slot import Slot
from radio.waveform.burst import header as header_code
from tests.proof.mutate import damaged_message

_USERS = [UserCsi(u, 120.5, 3.25, 1.0, 0.5, 7.0, 2.0, 1.5, -12.5, 3.0, 0.1, 0.2) for u in range(2)]
_CSI = CsiReport(5, 2, 1_000_000, 1_050_000, 10.0, _USERS)
_LINK = Link(0, 60_000, 100.0, 2.0, 3.5, [0.0, 4.5], [[(0.5, 0.5), (0.25, -0.25)]], 0.006)
BODIES = (
    Hello("tx", 1, 77, "0123456789abcdef", 0, 40_000, 8),
    Refused("another configuration"),
    Start(41_024, 512),
    _CSI,
    Grant(6, 3, 246_144, _CSI, [1], True, [UserCommand(0, 120.5, 3, -1.5), UserCommand(1)]),
    Sent(5, 2, 0, 3, "picture.png", 4, 4, 8, 8, 6, 4, 0.02, 11.5, 8.0, {"encode": 3.0}, {"late": 1}),
    Truth([_LINK, msgspec.structs.replace(_LINK, user=1)]),
    FrameDone(2, 2),
    NodeLost("tx", 1, "silent for 5 s"),
    Heartbeat(123_456),
    Stop(True, ""),
    Bye("its radio is gone"),
)


class RecordingBus:
    """Takes the place of both ends of the bus; what is sent must be possible to pack."""

    malformed = 0

    def send(self, *message) -> None:
        body = next(part for part in message if isinstance(part, msgspec.Struct))
        encode(Envelope(PROTOCOL_VERSION, "coordinator", 1, 0.0, body))

    def receive(self, timeout_s: float) -> None:
        return None

    def trouble(self) -> list[str]:
        return []


@dataclass
class BusTarget:
    """Damaged messages into the coordinator, the receiver's notes and the transmitter's loops."""

    rng: random.Random
    config: RunConfig = field(default_factory=load_config)

    def __post_init__(self) -> None:
        self.packed = [encode(Envelope(PROTOCOL_VERSION, "tx0", 9, 1.7e9, body)) for body in BODIES]
        self._renew()

    def _renew(self) -> None:
        """A fresh run now and then: a damaged Bye ends one rightly."""
        self._left = 2000
        bus = RecordingBus()
        self._coordinator = Coordinator(self.config, bus, range(8), True, on_event=lambda _text: None)
        for name in ("tx0", "tx1", "rx", "air"):
            user = int(name[2:]) if name.startswith("tx") else None
            hello = Hello(name[:2], user, 1, "", lowest_gain_db=-60.0)
            self._coordinator.nodes[name] = Node(name, name[:2], user, time.monotonic(), hello)
        self._coordinator._start = BODIES[2]
        self._receiver = ReceiverNode(self.config, bus, None, SimpleNamespace())
        self._receiver._slots = {5: Slot(BODIES[4], BODIES[2])}
        self._csi_paths = [
            CsiPath(self.config.feedback.model_copy(update=update), self.config.sample_rate_hz)
            for update in ({}, {"csi_bits": 4, "csi_delay_slots": 2}, {"csi_prediction": True})
        ]
        controlled = self.config.model_copy(update={"control": ControlConfig(timing=True, power=True)})
        hellos = {user: Hello("tx", user, 1, "", lowest_gain_db=-60.0) for user in range(2)}
        self._control, self._rotation = SessionControl(controlled, hellos, False), RotationLoop(41_024)

    def __call__(self) -> None:
        self.feed(damaged_message(self.rng.choice(self.packed), self.rng, self.rng.choice(self.packed)))

    def feed(self, data: bytes) -> None:
        """One message as it comes off the wire."""
        rng = self.rng
        try:
            envelope = decode(data)
        except ValueError:
            return
        self._left -= 1
        if self._left == 0:
            self._renew()
        attachments = [
            memoryview(rng.randbytes(rng.choice((0, 1, 48, 48, 47)))) for _ in range(rng.choice((0, 2, 2, 8)))
        ]
        self._deliver(Received(rng.choice(("tx0", "tx1", "rx", "air", "x")), envelope.body, attachments))

    def _deliver(self, received: Received) -> None:
        self._coordinator._take(received)
        try:
            self._coordinator._wait(lambda: True, 1.0, lambda: "")
            self._coordinator._slot_tick(9)
        except (HilError, ValueError) as error:
            if isinstance(error, ValueError) and self._coordinator.nodes:
                raise
        match received.body:
            case CsiReport() as report:
                self._measured(report)
            case Grant(csi=CsiReport() as report):
                self._measured(report)
            case Sent() as sent:
                self._receiver._note_sent(sent, received)
                for told in self._receiver._slots[5].told_headers().values():
                    header_code.to_bits(told)
            case Truth(links=links):
                self._receiver._note_truth(links)

    def _measured(self, report: CsiReport) -> None:
        slot = report.slot % 1000
        commands = self._control.commands(report.slot, report.measured_tick, report.frame is None, set())
        if not all(math.isfinite(c.correction_hz) and math.isfinite(c.gain_db) for c in commands):
            raise AssertionError(f"commands that no radio can follow: {commands}")
        decode(encode(Envelope(PROTOCOL_VERSION, "rx", 1, 0.0, msgspec.structs.replace(BODIES[4], commands=commands))))
        self._rotation.apply(slot)
        at_home = msgspec.structs.replace(report, slot=slot)
        self._control.take(report)
        self._rotation.update(at_home, 0)
        for path in self._csi_paths:
            side_information(path.take(report, 2_000_000), 2)
