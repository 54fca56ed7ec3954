"""The coordinator: who is there, which slot comes next, and what each node is told.

Slots are counted from 0: first the sounding probes, then one per frame, so that frame f always stands in slot
probe_slots + f and meets the same simulated air in a run that was interrupted as in one that was not. The next
slot is granted when the receiver has reported the channel of the last, which makes the age of every CSI exact.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hil.bus.messages import (
    Body,
    Bye,
    CsiReport,
    FrameDone,
    Grant,
    Heartbeat,
    Hello,
    NodeHealth,
    NodeLost,
    Refused,
    Sent,
    Start,
    Stop,
    Truth,
    UserCsi,
)
from hil.bus.server import BusServer
from hil.bus.wire import Attachments, Received
from hil.config import RunConfig
from hil.errors import HilError
from hil.nodes.observers import Observers
from hil.session.control import SessionControl
from hil.session.repeated_slot import aligned

log = logging.getLogger(__name__)
MAX_UNDECODED_FRAMES = 8  # how far the radio may run ahead of the decoder: bounds the receiver's memory
MAX_PROBE_ATTEMPTS = 8
MAX_FRAME_ATTEMPTS = 6
MAX_LEAD_S = 8.0


@dataclass
class Node:
    """A node that has joined. heard: monotonic seconds; now_tick: its radio's time at that moment."""

    name: str
    role: str
    user: int | None
    heard: float
    hello: Hello
    now_tick: int = 0


@dataclass
class Coordinator:
    """Runs one experiment. `run` returns when all frames are recorded; raises HilError when they cannot be.

    frames: which frames to send (those not yet recorded). needs_air: a simulated air is part of the run. supervised: a
    process that started all nodes ends them all when one ends, so that a transmitter that leaves ends the run.
    """

    config: RunConfig
    bus: BusServer
    frames: Iterable[int]
    needs_air: bool
    on_event: Callable[[str], None] = log.warning
    supervised: bool = False
    nodes: dict[str, Node] = field(default_factory=dict)
    lost_users: set[int] = field(default_factory=set)
    malformed_seen: int = 0

    def __post_init__(self) -> None:
        self._start: Start | None = None
        self._csi: CsiReport | None = None
        self._control: SessionControl | None = None
        ahead = self.config.feedback.slots_ahead if self._free_running else 0
        self._in_flight: deque[int] = deque(maxlen=ahead + 1)  # slots of the frames that were granted last
        self._reports: deque[CsiReport] = deque(maxlen=64)  # not learnt from yet
        self._reported_slot = -1
        self._lead_s = self.config.radio.lead_s
        self._granted: set[int] = set()
        self._done: set[int] = set()
        self._last_heartbeat = 0.0
        self._stop_reason: str | None = None
        self.frames = list(self.frames)
        self.observers = Observers(self.config, self.bus, len(self.frames))
        tell = self.on_event

        def on_event(text: str) -> None:
            self.observers.event(text)
            tell(text)

        self.on_event = on_event

    def run(self) -> None:
        """Wait for every node, sound the channel, send the frames, wait for the last decode, stop all."""
        try:
            self._wait(self._all_here, self.config.bus.join_timeout_s, self._missing)
            self._begin()
            probes = self.config.feedback.probe_slots
            for slot in range(probes):
                self._probe(slot)
            for frame in self.frames:
                self._wait(
                    lambda: len(self._undecoded()) < MAX_UNDECODED_FRAMES,
                    self.config.bus.frame_timeout_s,
                    lambda: f"the receiver has not decoded frames {sorted(self._undecoded())}",
                )
                self._granted.add(frame)
                self._frame(probes + frame, frame)
            self._wait(
                lambda: not self._undecoded(),
                self.config.bus.frame_timeout_s,
                lambda: f"the receiver has not decoded frames {sorted(self._undecoded())}",
            )
        except HilError as error:
            self._end(Stop(complete=False, reason=str(error)))
            raise
        self._end(Stop(complete=True, reason=""))

    def _end(self, stop: Stop) -> None:
        self._tell_all(stop)
        state = "finished" if stop.complete else "stopped"
        self.observers.update(state, stop.reason, self._health(), now=True)
        self._see_off()
        self.observers.stop(stop)

    def _see_off(self) -> None:
        """Stay until every node has left: a socket that closes with messages unread resets its connection, and the
        Stop that was still on its way over a bad link is gone.

        Observers still get what the receiver has to show. A node that nobody hears any more is waited for no longer
        than it takes to be lost.
        """
        end = time.monotonic() + self.config.bus.node_timeout_s
        while self.nodes and time.monotonic() < end:
            received = self.bus.receive(0.05)
            if received is not None and not self.observers.take(received) and isinstance(received.body, Bye):
                self.nodes.pop(received.sender, None)

    # -- the phases --

    def _undecoded(self) -> set[int]:
        return self._granted - self._done

    def _all_here(self) -> bool:
        return not self._absent()

    def _absent(self) -> list[str]:
        expected = [f"tx{user}" for user in range(self.config.users)] + ["rx"]
        if self.needs_air:
            expected.append("air")
        return [name for name in expected if name not in self.nodes]

    def _missing(self) -> str:
        return f"{', '.join(self._absent())} did not join within {self.config.bus.join_timeout_s:g} s"

    def _begin(self) -> None:
        guard = self.config.radio.guard_samples
        hellos = [node.hello for node in self.nodes.values()]
        longest = max(hello.max_burst_samples for hello in hellos)
        repeats = any(hello.repeats for hello in hellos)
        transmitters = {hello.user: hello for hello in hellos if hello.user is not None}
        self._control = SessionControl(self.config, transmitters, repeats)
        self._start = Start(slot_samples=longest + 2 * guard, guard_samples=guard, repeats=repeats)
        if "air" in self.nodes:
            self.bus.send("air", self._start)  # first: its fading blocks must fit before anyone transmits
        for name in self.nodes:
            if name != "air":
                self.bus.send(name, self._start)

    def _grant(self, slot: int, frame: int | None, last_attempt: bool) -> None:
        """Name the slot to all and wait until the receiver has reported it."""
        self._tell_grant(slot, frame, last_attempt)
        self._await_report(slot)

    def _await_report(self, slot: int) -> None:
        self._wait(
            lambda: self._reported_slot >= slot,
            self.config.bus.frame_timeout_s,
            lambda: f"the receiver has not reported slot {slot}",
        )
        self._learn(slot)

    def _learn(self, slot: int) -> None:
        """From the reports on slots up to this one, in their order; later ones wait, however early they are here."""
        assert self._control is not None
        known = sorted((report for report in self._reports if report.slot <= slot), key=lambda report: report.slot)
        for report in known:
            self._reports.remove(report)
            self._control.take(report)
            if report.users and (self._csi is None or report.slot >= self._csi.slot):
                self._csi = report

    def _tell_grant(self, slot: int, frame: int | None, last_attempt: bool = True) -> None:
        assert self._start is not None and self._control is not None
        slot_tick = self._slot_tick(slot)
        grant = Grant(
            slot=slot,
            frame=frame,
            slot_tick=slot_tick,
            csi=self._csi,
            lost_users=sorted(self.lost_users),
            last_attempt=last_attempt,
            commands=self._control.commands(slot, slot_tick, frame is None, self.lost_users),
        )
        self._tell_all(grant)
        self.observers.granted(grant)

    def _probe(self, slot: int) -> None:
        """Sound the channel; in real time again, with a longer head start, while not every user is seen."""
        for _attempt in range(1 if self._free_running else MAX_PROBE_ATTEMPTS):
            seen = {user.user for user in self._users_of_grant(slot, None)}
            if set(range(self.config.users)) - self.lost_users <= seen:
                return
            self._lead_s = min(2 * self._lead_s, MAX_LEAD_S)

    def _frame(self, slot: int, frame: int) -> None:
        """Grant a frame; where radios repeat, again until its users arrive together."""
        assert self._start is not None
        if self._in_flight.maxlen != 1:
            self._frame_ahead(slot, frame)
            return
        attempts = MAX_FRAME_ATTEMPTS if self._start.repeats else 1
        for attempt in range(attempts):
            if self._users_of_grant(slot, frame, last_attempt=attempt == attempts - 1):
                return

    def _frame_ahead(self, slot: int, frame: int) -> None:
        """Grant a frame while `slots_ahead` earlier ones are still being received.

        Its CSI is the newest of the slots before those, also where a later report happens to be here already: what a
        run gives must not depend on who was faster.
        """
        if len(self._in_flight) == self._in_flight.maxlen:
            self._await_report(self._in_flight[0])
        self._tell_grant(slot, frame)
        self._in_flight.append(slot)

    def _users_of_grant(self, slot: int, frame: int | None, last_attempt: bool = True) -> list[UserCsi]:
        """The users that the receiver reports of a slot granted now; none where they do not arrive together."""
        assert self._start is not None
        self._reported_slot = slot - 1
        self._grant(slot, frame, last_attempt)
        users = self._csi.users if self._csi and self._csi.slot == slot else []
        return users if not self._start.repeats or aligned(users) else []

    @property
    def _free_running(self) -> bool:
        return self.needs_air and self.config.air.pace is None

    def _slot_tick(self, slot: int) -> int:
        """Slot times are fixed on a free-running simulated air; a paced or real radio needs a head start."""
        assert self._start is not None
        tick = slot * self._start.slot_samples
        if self._free_running:
            return tick
        if self._start.repeats:  # the receiver chooses: transmitters repeat the slot until the next one
            return self.nodes["rx"].now_tick if "rx" in self.nodes else 0
        now = max(node.now_tick for node in self.nodes.values())
        earliest = now + int(self._lead_s * self.config.sample_rate_hz)
        late_slots = max(0, -(-(earliest - tick) // self._start.slot_samples))
        return tick + late_slots * self._start.slot_samples

    # -- messages --

    def _wait(self, ready: Callable[[], bool], timeout_s: float, sentence: Callable[[], str]) -> None:
        deadline = time.monotonic() + timeout_s
        while not ready():
            received = self.bus.receive(min(0.05, self.config.bus.heartbeat_s))
            if received is not None:
                self._take(received)
            self._beat()
            if self._stop_reason:
                raise HilError(self._stop_reason)
            if time.monotonic() > deadline:
                raise HilError(sentence() + ".")

    def _take(self, received: Received) -> None:
        if self.observers.take(received):
            return
        node = self.nodes.get(received.sender)
        if node:
            node.heard = time.monotonic()
        match received.body:
            case Hello() as hello:
                self._welcome(received.sender, hello)
            case Heartbeat(now_tick=tick) if node:
                node.now_tick = max(node.now_tick, tick)
            case CsiReport() as report if node:
                node.now_tick = max(node.now_tick, report.now_tick)
                self._reported_slot = max(self._reported_slot, report.slot)
                self._reports.append(report)
            case Sent() as sent:
                self._forward("rx", sent, received.attachments)
            case Truth() as truth:
                self._forward("rx", truth, [])
            case FrameDone(frame=frame) if frame in self._granted:
                self._done.add(frame)
            case Bye(reason=reason) if node:
                self._lose(node, reason or "left", left=True)

    def _welcome(self, name: str, hello: Hello) -> None:
        expected = f"tx{hello.user}" if hello.role == "tx" else hello.role
        reason = ""
        if hello.config_digest != self.config.digest():
            reason = f"{name} runs another configuration than the coordinator; give both the same file and flags."
        elif name != expected or hello.role not in ("tx", "rx", "air"):
            reason = f"a node named {name} cannot take the role of {expected}."
        elif hello.role == "tx" and not 0 <= (hello.user or 0) < self.config.users:
            reason = f"user {hello.user} does not exist in a run with {self.config.users} users."
        if reason:
            self.on_event(f"refused: {reason}")
            self.bus.send(name, Refused(reason))
            return
        if name not in self.nodes:
            log.info("%s joined", name)
            self.observers.event(f"{name} joined")
        self.nodes[name] = Node(name, hello.role, hello.user, time.monotonic(), hello, hello.now_tick)
        if hello.user is not None and hello.user in self.lost_users:
            self.lost_users.discard(hello.user)
            self.on_event(f"{name} is back")
        if self._start is not None:
            self.bus.send(name, self._start)

    def _forward(self, name: str, body: Body, attachments: Attachments) -> None:
        if name in self.nodes:
            self.bus.send(name, body, attachments)

    def _tell_all(self, body: Body) -> None:
        for name in self.nodes:
            self.bus.send(name, body)

    # -- health --

    def _health(self) -> list[NodeHealth]:
        """Every node of the run, also those that are not there."""
        now = time.monotonic()
        here = [
            NodeHealth(node.name, node.role, node.user, "here", now - node.heard, node.now_tick)
            for node in self.nodes.values()
        ]
        for name in self._absent():
            user = int(name[2:]) if name.startswith("tx") else None
            state = "missing" if self._start is None else "lost"
            here.append(NodeHealth(name, "tx" if user is not None else name, user, state, None))
        return here

    def _beat(self) -> None:
        now = time.monotonic()
        if self.observers:
            self.observers.update("running" if self._start else "waiting", "", self._health())
        if now - self._last_heartbeat < self.config.bus.heartbeat_s:
            return
        self._last_heartbeat = now
        self._tell_all(Heartbeat())
        for node in list(self.nodes.values()):
            if now - node.heard > self.config.bus.node_timeout_s:
                self._lose(node, f"silent for {self.config.bus.node_timeout_s:g} s")
        if self.bus.malformed > self.malformed_seen:
            self.on_event(f"{self.bus.malformed} malformed messages dropped so far")
            self.malformed_seen = self.bus.malformed

    def _lose(self, node: Node, reason: str, left: bool = False) -> None:
        """A lost transmitter leaves the others running; without receiver or air nothing can go on."""
        self.nodes.pop(node.name, None)
        self.on_event(f"{node.name} is lost: {reason}")
        self._tell_all(NodeLost(node.role, node.user, reason))
        if node.user is not None:
            self.lost_users.add(node.user)
        if self._start is None:
            return
        ends = self.supervised and left  # no frame is to be recorded without a user who is only being stopped
        if node.role != "tx" or ends or len(self.lost_users) == self.config.users:
            self._stop_reason = f"the run cannot go on without {node.name}: {reason}"
