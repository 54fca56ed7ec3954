"""Who is there: the nodes that the coordinator has welcomed, has lost, and may get back."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hil.bus.messages import Body, Heartbeat, Hello, NodeHealth, NodeLost
from hil.bus.server import BusServer
from hil.config import RunConfig

SLEPT_S = 1.0  # a coordinator that has not looked for so long was frozen itself: nobody else was silent meanwhile


@dataclass
class Node:
    """A node that has joined. heard: monotonic seconds; now_tick: its radio's time at that moment."""

    name: str
    role: str
    user: int | None
    heard: float
    hello: Hello
    now_tick: int = 0
    beat: tuple[float, float] | None = None  # its clock in its last heartbeat, and ours when that came; seconds


@dataclass
class Members:
    """Used in the coordinator's thread only. needs_air: a simulated air is part of the run.

    supervised: a transmitter that leaves ends the run. silent: since when nodes that may come back are silent.
    ended: why the run cannot go on, once it cannot.
    """

    config: RunConfig
    bus: BusServer
    needs_air: bool
    supervised: bool
    on_event: Callable[[str], None]
    nodes: dict[str, Node] = field(default_factory=dict)
    lost_users: set[int] = field(default_factory=set)
    silent: dict[str, float] = field(default_factory=dict)
    ended: str | None = None
    _forgotten_s: dict[str, float] = field(default_factory=dict)
    _looked_s: float | None = None
    _last_heartbeat: float = 0.0

    def expected(self) -> list[str]:
        """Names of all nodes of the run."""
        air = ["air"] if self.needs_air else []
        return [f"tx{user}" for user in range(self.config.users)] + ["rx"] + air

    def absent(self) -> list[str]:
        """Those of them that are not here now."""
        return [name for name in self.expected() if name not in self.nodes]

    def away(self) -> list[str]:
        """Silent nodes without which nothing can go on: the receiver, the air, the last transmitters."""
        nobody_sends = len(self.lost_users) == self.config.users
        return [name for name in self.silent if nobody_sends or not name.startswith("tx")]

    def is_to_join_again(self, name: str) -> bool:
        """Whether to tell so a node that is not here any more: once a heartbeat, whatever it still had to say."""
        now = time.monotonic()
        if name not in self.expected() or now - self._forgotten_s.get(name, -1e9) < self.config.bus.heartbeat_s:
            return False
        self._forgotten_s[name] = now
        return True

    def refusal(self, name: str, hello: Hello) -> str:
        """Why this node cannot join, in a sentence; empty where it can."""
        if hello.config_digest != self.config.digest():
            return f"{name} runs another configuration than the coordinator; give both the same file and flags."
        if hello.role not in ("tx", "rx", "air"):
            return f"a node named {name} cannot take the role of {hello.role[:40]}."
        if hello.role == "tx" and hello.user is None:
            return f"{name} is a transmitter without a user; it names one from 0 to {self.config.users - 1}."
        if hello.role == "tx" and hello.user is not None and not hello.user < self.config.users:
            return f"user {hello.user} does not exist in a run with {self.config.users} users."
        expected = f"tx{hello.user}" if hello.role == "tx" else hello.role
        return "" if name == expected else f"a node named {name} cannot take the role of {expected}."

    def welcome(self, name: str, hello: Hello) -> None:
        """Take in a node that `refusal` has nothing against, for the first time or again."""
        user = hello.user if hello.role == "tx" else None
        if name not in self.nodes:
            self.on_event(f"{name} is back" if name in self.silent or user in self.lost_users else f"{name} joined")
        self.nodes[name] = Node(name, hello.role, user, time.monotonic(), hello, hello.now_tick)
        self.silent.pop(name, None)
        if user is not None:
            self.lost_users.discard(user)

    def tell(self, body: Body, but: str = "") -> None:
        """Everybody who is there, but one."""
        for name in self.nodes:
            if name != but:
                self.bus.send(name, body)

    def lose(self, node: Node, reason: str, begun: bool, left: bool = False) -> None:
        """A lost transmitter leaves the others running; without receiver or air nothing goes on until they are back.

        left: on purpose, and not to come back; begun: the run has started.
        """
        self.nodes.pop(node.name, None)
        self.on_event(f"{node.name} is lost: {reason}")
        self.tell(NodeLost(node.role, node.user, reason))
        if node.user is not None:
            self.lost_users.add(node.user)
        if not begun:
            return
        if not left:
            self.silent[node.name] = time.monotonic()
            return
        ends = self.supervised and left  # no frame is to be recorded without a user who is only being stopped
        nobody_may_send = len(self.lost_users) == self.config.users and not self.away()
        if node.role != "tx" or ends or nobody_may_send:
            self.ended = f"the run cannot go on without {node.name}: {reason}"

    def look(self, begun: bool) -> bool:
        """Heartbeats when they are due, and who has been silent for too long; whether they were due."""
        now = time.monotonic()
        slept_s = now - self._looked_s if self._looked_s is not None else 0.0
        self._looked_s = now
        if slept_s > SLEPT_S:
            self._forgive(slept_s)
        if now - self._last_heartbeat < self.config.bus.heartbeat_s:
            return False
        self._last_heartbeat = now
        for node in self.nodes.values():
            self.bus.send(node.name, heartbeat(node))
        for node in list(self.nodes.values()):
            if now - node.heard > self.config.bus.node_timeout_s:
                self.lose(node, f"silent for {self.config.bus.node_timeout_s:g} s", begun)
        for name in self.away():
            if now - self.silent[name] > self.config.bus.rejoin_timeout_s:
                silent_s = self.config.bus.node_timeout_s + self.config.bus.rejoin_timeout_s
                self.ended = f"the run cannot go on without {name}: silent for {silent_s:g} s"
        return True

    def _forgive(self, slept_s: float) -> None:
        for node in self.nodes.values():
            node.heard += slept_s
        self.silent = {name: since + slept_s for name, since in self.silent.items()}

    def may_return(self, user: int) -> bool:
        """Whether a lost user's transmitter has only been silent, and not for too long."""
        since = self.silent.get(f"tx{user}")
        return since is not None and time.monotonic() - since < self.config.bus.rejoin_timeout_s

    def health(self, begun: bool) -> list[NodeHealth]:
        """Every node of the run, also those that are not there."""
        now = time.monotonic()
        here = [
            NodeHealth(node.name, node.role, node.user, "here", now - node.heard, node.now_tick)
            for node in self.nodes.values()
        ]
        state = "lost" if begun else "missing"
        for name in self.absent():
            user = int(name[2:]) if name.startswith("tx") else None
            here.append(NodeHealth(name, "tx" if user is not None else name, user, state, None))
        return here


def heartbeat(node: Node) -> Heartbeat:
    """To a node, with its last one's time, so that it learns how far its clock is from ours."""
    now_s = time.monotonic()
    if node.beat is None:
        return Heartbeat(clock_s=now_s)
    return Heartbeat(clock_s=now_s, echo_s=node.beat[0], held_s=now_s - node.beat[1])
