"""The coordinator: membership of nodes, slots, and the messages to every node.

Slots are counted from 0: first the sounding probes, then one per burst (see `session.burst.plan`), so that a frame
always stands in the same slot and has the same simulated channel in a resumed run as in an uninterrupted one. The next
slot is granted when the receiver has reported the channel of the last, which makes the age of every CSI exact.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hil.bus.messages import (
    Body,
    Bye,
    CsiReport,
    Forgotten,
    FrameDone,
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
from hil.nodes.grants import Grants
from hil.nodes.joining import Joining
from hil.nodes.members import Members, Node
from hil.nodes.observers import Observers
from hil.session.burst.plan import Burst, BurstPlan
from hil.session.live import LiveUsers
from hil.session.repeated_slot import aligned

log = logging.getLogger(__name__)
MAX_PROBE_ATTEMPTS = 8
MAX_FRAME_ATTEMPTS = 6
MAX_LEAD_S = 8.0
MAX_AGAIN = 3  # how often a frame that could not be sent is sent again at the end


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

    def __post_init__(self) -> None:
        self._start: Start | None = None
        self._joining: Joining | None = None
        self._live = LiveUsers()
        self._plan = BurstPlan(self.config, {})
        self._grants = Grants(self.config)
        ahead = self.config.feedback.slots_ahead if self._free_running else 0
        self._in_flight: deque[int] = deque(maxlen=ahead + 1)  # slots of the frames that were granted last
        self._lead_s = self.config.radio.lead_s
        self._granted: set[int] = set()
        self._done: set[int] = set()
        self._again: dict[int, set[int]] = {}  # users of frames that could not be sent, and can be once more
        self.frames = list(self.frames)
        self.observers = Observers(self.config, self.bus, len(self.frames))
        tell = self.on_event

        def on_event(text: str) -> None:
            self.observers.event(text)
            tell(text)

        self.on_event = on_event
        self.members = Members(self.config, self.bus, self.needs_air, self.supervised, on_event)

    @property
    def nodes(self) -> dict[str, Node]:
        return self.members.nodes

    @property
    def lost_users(self) -> set[int]:
        return self.members.lost_users

    def run(self) -> int:
        """Wait for every node, sound the channel, send the frames, wait for the last decode, stop all; how many."""
        try:
            self._wait_for_nodes()
            self._begin()
            probes = self.config.feedback.probe_slots
            for slot in range(probes):
                self._probe(slot)
            for burst in self._plan.bursts(self.frames):
                if self._live.over(self.config.users, self.lost_users):
                    break
                self._send(probes + burst.number, burst)
            self._all_decoded()
            self._send_again(probes + self._plan.count())
        except HilError as error:
            self._end(Stop(complete=False, reason=str(error)))
            raise
        self._end(Stop(complete=True, reason=""))
        return len(self._done)

    def _end(self, stop: Stop) -> None:
        self.members.tell(stop, but="air")
        state = "finished" if stop.complete else "stopped"
        self.observers.update(state, stop.reason, self._health(), now=True)
        self._see_off(self.nodes.keys() - {"air"})
        if "air" in self.nodes:  # the last: who hears of the end late must not find its radio gone
            self.bus.send("air", stop)
            self._see_off({"air"})
        self.observers.stop(stop)

    def _see_off(self, names: set[str]) -> None:
        """Stay until these nodes have left: a socket that closes with messages unread resets its connection, and the
        Stop that was still on its way over a bad link is gone.

        Observers still get what the receiver has to show. A node that nobody hears any more is waited for no longer
        than it takes to be lost.
        """
        end = time.monotonic() + self.config.bus.node_timeout_s
        while self.nodes.keys() & names and time.monotonic() < end:
            received = self.bus.receive(0.05)
            if received is not None and not self.observers.take(received) and isinstance(received.body, Bye):
                self.nodes.pop(received.sender, None)

    # -- the phases --

    def _send(self, slot: int, burst: Burst) -> None:
        self._decoded_but(self._live.undecoded(self._plan.undecoded_frames) - burst.pictures)
        self._granted.update(burst.frames)
        self._frame(slot, burst)

    def _all_decoded(self) -> None:
        self._decoded_but(0)

    def _decoded_but(self, frames: int) -> None:
        self._wait(
            lambda: len(self._undecoded()) <= frames,
            self.config.bus.frame_timeout_s * self._plan.most_pictures,
            lambda: f"the receiver has not decoded frames {sorted(self._undecoded())}",
        )

    def _send_again(self, slot: int) -> None:
        """Bursts that users could not send, in slots behind the last, once those users are there or given up."""
        for _attempt in range(MAX_AGAIN):
            users = set().union(*self._again.values())
            patience_s = self.config.bus.rejoin_timeout_s + self.config.bus.node_timeout_s
            self._wait(
                lambda users=users: not any(self.members.may_return(user) for user in users & self.lost_users),  # type: ignore[misc]
                patience_s,
                lambda: "lost users neither came back nor were given up",
            )
            frames = sorted(frame for frame, missing in self._again.items() if missing - self.lost_users)
            if not frames:
                return
            self.on_event(f"{len(frames)} frames are sent again")
            bursts = list(self._plan.bursts(frames))
            self._again = {frame: users for frame, users in self._again.items() if frame not in frames}
            for done in (self._done, self._granted):
                done.difference_update(*(burst.frames for burst in bursts))
            for burst in bursts:
                self._send(slot, burst)
                slot += 1
            self._all_decoded()

    def _undecoded(self) -> set[int]:
        return self._granted - self._done

    def _wait_for_nodes(self) -> None:
        """Until all have joined; as long as those that are absent are heard at least."""
        self._joining = Joining(self.config.bus.join_timeout_s)
        while absent := self.members.absent():
            self._wait_a_moment()
            if late := self._joining.overdue(absent):
                raise HilError(late)

    def _begin(self) -> None:
        guard = self.config.radio.guard_samples
        hellos = [node.hello for node in self.nodes.values()]
        repeats = any(hello.repeats for hello in hellos)
        self._live = LiveUsers(hellos)
        transmitters = {hello.user: hello for hello in hellos if hello.user is not None}
        self._plan = BurstPlan(self.config, transmitters)
        longest = max(self._plan.longest_samples, *(hello.max_burst_samples for hello in hellos))
        self._grants.begin(transmitters, repeats)
        self._start = Start(slot_samples=longest + 2 * guard, guard_samples=guard, repeats=repeats)
        if "air" in self.nodes:
            self.bus.send("air", self._start)  # first: its fading blocks must fit before anyone transmits
        for name in self.nodes:
            if name != "air":
                self.bus.send(name, self._start)

    def _await_report(self, slot: int) -> None:
        self._wait(
            lambda: self._grants.reported_slot >= slot,
            self.config.bus.frame_timeout_s,
            lambda: f"the receiver has not reported slot {slot}",
        )
        self._grants.learn(slot, self.lost_users)

    def _tell_grant(self, slot: int, burst: Burst | None, last_attempt: bool = True) -> None:
        self._wait(lambda: not self.members.away(), self.config.bus.rejoin_timeout_s, self._whom_it_waits_for)
        grant = self._grants.make(slot, self._slot_tick(slot), burst, self.lost_users, last_attempt)
        self._tell_all(grant)
        self.observers.granted(grant)

    def _whom_it_waits_for(self) -> str:
        return f"{', '.join(self.members.away())} did not come back"

    def _probe(self, slot: int) -> None:
        """Sound the channel; in real time again, with a longer head start, while not every user is seen."""
        for _attempt in range(1 if self._free_running else MAX_PROBE_ATTEMPTS):
            seen = {user.user for user in self._users_of_grant(slot, None)}
            if set(range(self.config.users)) - self.lost_users <= seen:
                return
            self._lead_s = min(2 * self._lead_s, MAX_LEAD_S)

    def _frame(self, slot: int, burst: Burst) -> None:
        """Grant the frames of a burst; where radios repeat, again until its users arrive together."""
        assert self._start is not None
        if self._in_flight.maxlen != 1:
            self._frame_ahead(slot, burst)
            return
        attempts = MAX_FRAME_ATTEMPTS if self._start.repeats else 1
        for attempt in range(attempts):
            if self._users_of_grant(slot, burst, last_attempt=attempt == attempts - 1):
                return

    def _frame_ahead(self, slot: int, burst: Burst) -> None:
        """Grant a burst while `slots_ahead` earlier ones are still being received.

        Its CSI is the newest of the slots before those, also where a later report happens to be here already: what a
        run gives must not depend on who was faster.
        """
        if len(self._in_flight) == self._in_flight.maxlen:
            self._await_report(self._in_flight[0])
        self._tell_grant(slot, burst)
        self._in_flight.append(slot)

    def _users_of_grant(self, slot: int, burst: Burst | None, last_attempt: bool = True) -> list[UserCsi]:
        """The users that the receiver reports of a slot granted now; none where they do not arrive together."""
        assert self._start is not None
        self._grants.expect(slot)
        self._tell_grant(slot, burst, last_attempt)
        self._await_report(slot)
        csi = self._grants.csi
        users = csi.users if csi and csi.slot == slot else []
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
            self._wait_a_moment()
            if self.members.away():
                deadline = time.monotonic() + timeout_s  # who may come back has a time of its own
            if time.monotonic() > deadline:
                raise HilError(sentence() + ".")

    def _wait_a_moment(self) -> None:
        """Take a message if there is one, and say that the coordinator lives. HilError: the run cannot go on."""
        received = self.bus.receive(min(0.05, self.config.bus.heartbeat_s))
        if received is not None:
            self._take(received)
        self._beat()
        if self.members.ended:
            raise HilError(self.members.ended)

    def _take(self, received: Received) -> None:
        if self.observers.take(received):
            return
        node = self.nodes.get(name := received.sender)
        if self._joining:
            self._joining.heard(name)
        if node:
            node.heard = time.monotonic()
        elif not isinstance(received.body, Hello | Bye) and self.members.is_to_join_again(name):
            self.bus.send(name, Forgotten())
        match received.body:
            case Hello() as hello:
                self._welcome(name, hello)
            case Heartbeat(now_tick=tick, clock_s=clock_s) if node:
                node.now_tick = max(node.now_tick, tick)
                node.beat = None if clock_s is None else (clock_s, node.heard)
            case CsiReport() as report if name == "rx":
                if node:
                    node.now_tick = max(node.now_tick, report.now_tick)
                self._grants.take(report)
            case Sent() as sent:
                if ended := self._live.note(sent):
                    self.on_event(ended)
                self._forward("rx", sent, received.attachments)
            case Truth() as truth:
                self._forward("rx", truth, [])
            case FrameDone(frame=frame, again=again) if frame in self._granted and name == "rx":
                self._done.add(frame)
                users = {user for user in again if user < self.config.users}
                if users:
                    self._again[frame] = users
            case Bye(reason=reason) if node:
                self.members.lose(node, reason or "left", self._start is not None, left=True)

    def _welcome(self, name: str, hello: Hello) -> None:
        reason = self.members.refusal(name, hello)
        if reason:
            self.on_event(f"refused: {reason}")
            self.bus.send(name, Refused(reason))
            return
        self.members.welcome(name, hello)
        if self._start is not None:
            if hello.role == "tx":  # what it has not said of earlier slots it will not say any more
                self._forward("rx", NodeLost("tx", hello.user, "joined again"), [])
            self.bus.send(name, self._start)
            for grant in self._grants.unanswered():  # what the others are waiting for it to do
                self.bus.send(name, grant)

    def _forward(self, name: str, body: Body, attachments: Attachments) -> None:
        if name in self.nodes or name in self.members.silent:  # one that is only frozen reads it when it wakes
            self.bus.send(name, body, attachments)

    def _tell_all(self, body: Body) -> None:
        self.members.tell(body)

    def _health(self) -> list[NodeHealth]:
        return self.members.health(self._start is not None)

    def _beat(self) -> None:
        if self.observers:
            self.observers.update("running" if self._start else "waiting", "", self._health())
        if self.members.look(self._start is not None):
            for sentence in self.bus.trouble():
                self.on_event(sentence)
