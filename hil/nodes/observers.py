"""Observers: they join the coordinator, receive telemetry, and never affect the run.

An observer says Hello with the role "observer" and a name of its own, and must send heartbeats like every node. It
gets RunFacts once, then Overviews and the receiver's Telemetry. Whatever else it sends is dropped. A lost observer
loses its place and nothing more. While there are none, nothing is gathered and the receiver publishes nothing.
"""

import itertools
import logging
import secrets
import time
from collections import deque
from collections.abc import Iterable, Sequence

from hil.bus.messages import (
    Bye,
    CsiReport,
    Event,
    FrameDone,
    Grant,
    Heartbeat,
    Hello,
    NodeHealth,
    Overview,
    Refused,
    RunFacts,
    Sent,
    Stop,
    Telemetry,
    Watched,
)
from hil.bus.server import BusServer
from hil.bus.wire import Received
from hil.config import RunConfig

log = logging.getLogger(__name__)
MAX_OBSERVERS = 8
UPDATE_S = 0.1
KEPT_EVENTS = 200


class Observers:
    """The coordinator's list of observers. Used in the coordinator's thread only."""

    def __init__(self, config: RunConfig, bus: BusServer, frames_to_send: int) -> None:
        self._config, self._bus, self._frames_to_send = config, bus, frames_to_send
        self._run = secrets.token_hex(8)
        self._heard: dict[str, float] = {}
        self._events: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self._numbers = itertools.count(1)
        self._told: dict[str, int] = {}  # the newest event that each observer has
        self._sent: dict[int, Sent] = {}
        self._csi: CsiReport | None = None
        self._grant: Grant | None = None
        self._done = 0
        self._last_update = self._last_beat = 0.0
        self._was_running = False

    def __bool__(self) -> bool:
        return bool(self._heard)

    def event(self, text: str) -> None:
        """Keep a line for present and future observers."""
        self._events.append(Event(next(self._numbers), time.time(), text))

    def granted(self, grant: Grant) -> None:
        self._grant = grant

    def take(self, received: Received) -> bool:
        """Look at every message that the coordinator gets; True: it was an observer's, or for observers alone."""
        name, body = received.sender, received.body
        if isinstance(body, Hello) and body.role == "observer":
            self._welcome(name)
            return True
        if name in self._heard:
            self._heard[name] = time.monotonic()
            if isinstance(body, Bye):
                self._leave(name, "left")
            return True
        match body:
            case Telemetry():
                if name == "rx":
                    self._tell(body, received.attachments)
                return True
            case Sent() if 0 <= body.user < self._config.users:
                self._sent[body.user] = body
            case CsiReport():
                self._csi = body
            case FrameDone(again=[]) if name == "rx":
                self._done += 1
        return False

    def update(self, state: str, reason: str, nodes: Iterable[NodeHealth], now: bool = False) -> None:
        """Send an Overview when one is due (or `now`), heartbeats, and the receiver its lease."""
        clock = time.monotonic()
        if not self._heard or (clock - self._last_update < UPDATE_S and not now):
            return
        self._last_update = clock
        health = list(nodes)
        for name in list(self._heard):
            if clock - self._heard[name] > self._config.bus.node_timeout_s:
                self._leave(name, "silent")
                continue
            self._bus.send(name, self._overview(state, reason, health, self._told[name]))
            self._told[name] = self._events[-1].number if self._events else 0
        began = state == "running" and not self._was_running  # before, the receiver is still joining
        self._was_running = state == "running"
        if began or clock - self._last_beat > self._config.bus.heartbeat_s:
            self._last_beat = clock
            self._tell(Heartbeat())
            if any(node.name == "rx" and node.state == "here" for node in health):
                self._bus.send("rx", Watched())

    def stop(self, stop: Stop) -> None:
        """The run is over."""
        self._tell(stop)

    def _overview(self, state: str, reason: str, nodes: Sequence[NodeHealth], told: int) -> Overview:
        return Overview(
            state=state,
            reason=reason,
            slot=self._grant.slot if self._grant else None,
            frame=self._grant.frame if self._grant else None,
            frames_done=self._done,
            nodes=list(nodes),
            sent=[self._sent[user] for user in sorted(self._sent)],
            csi=self._csi,
            events=[event for event in self._events if event.number > told],
            malformed=self._bus.malformed,
            sharing=self._grant.sharing if self._grant else None,
        )

    def _welcome(self, name: str) -> None:
        if not name.startswith("observer"):
            self._bus.send(name, Refused(f"an observer's name begins with 'observer', not {name[:40]!r}."))
        elif name not in self._heard and len(self._heard) >= MAX_OBSERVERS:
            self._bus.send(name, Refused(f"{MAX_OBSERVERS} observers are watching this run, which is the most."))
        else:
            self._heard[name] = time.monotonic()
            self._told[name] = self._last_update = self._last_beat = 0
            log.info("%s watches", name)
            facts = self._config.model_dump(mode="json")
            self._bus.send(name, RunFacts(self._run, facts, self._frames_to_send))

    def _leave(self, name: str, reason: str) -> None:
        del self._heard[name], self._told[name]
        log.info("%s watches no longer: %s", name, reason)

    def _tell(self, body: Heartbeat | Stop | Telemetry, attachments: Sequence[bytes | memoryview] = ()) -> None:
        for name in self._heard:
            self._bus.send(name, body, attachments)
