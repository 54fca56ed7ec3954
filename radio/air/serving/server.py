"""The simulated air as a server: simulated radios in other processes send bursts and request samples."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import zmq

from radio.air.config import AirConfig
from radio.air.medium import Medium
from radio.air.serving import protocol as p
from radio.air.serving.endpoint import bind_router
from radio.air.serving.sessions import Session, Sessions
from radio.air.serving.timeline import FreeRunTimeline, PacedTimeline, Timeline
from radio.air.truth import LinkTruth
from radio.backlog import Backlog
from radio.errors import ConfigurationError, DeviceError
from radio.samples import EventKind, Samples

log = logging.getLogger(__name__)

_LONGEST_WAIT_S = 0.05  # how soon stop requests and orders from other threads are seen
_TRUTHS_KEPT = 4096


@dataclass
class _PendingReceive:
    session: Session
    request: p.Receive
    asked_s: float


@dataclass
class _HeldBurst:
    session: Session
    request: p.Burst
    payload: zmq.Frame


class AirServer:
    """Binds at once (DeviceError when the port is taken) and serves in `run` or `serve_in_thread`.

    endpoint: `tcp://127.0.0.1:PORT`, PORT `*` for any free one; the bound one is then in `.endpoint`.
    expected_users: an unpaced air waits for so many transmitters before it renders anything.
    allow_remote: other machines may reach the port. There is no authentication: lab networks only.
    `set_block_samples`, `drop_transmitter`, `drain_truth` and `close` may be called from any thread.
    `on_rendered` is called in the serving thread after each answered receive; it must return at once.
    """

    def __init__(
        self,
        config: AirConfig,
        endpoint: str = "tcp://127.0.0.1:5600",
        *,
        expected_users: int | None = None,
        allow_remote: bool = False,
    ) -> None:
        self.config = config
        self.counters: Counter[str] = Counter()
        self._medium = Medium(config)
        self._timeline: Timeline = (
            FreeRunTimeline(expected_users, config.stall_timeout_s)
            if config.pace is None
            else PacedTimeline(config.sample_rate_hz, config.pace)
        )
        self._sessions = Sessions()
        self._pending: dict[str, _PendingReceive] = {}
        self._held: dict[str, _HeldBurst] = {}  # at most one per session: bounded
        self._truths: deque[LinkTruth] = deque(maxlen=_TRUTHS_KEPT)
        self._to_drop: deque[int] = deque()
        self.on_rendered: Callable[[], None] = lambda: None
        self._stop = threading.Event()
        self._warm = threading.Event()
        self._running = threading.Lock()
        longest = 8 * config.memory_samples + 1024
        self._socket = bind_router(endpoint, longest, allow_remote)
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._backlog = Backlog(self.endpoint, 4 * longest)  # a radio waits for the answer to each burst

    # -- for the owner, any thread ----------------------------------------------------------------------

    def run(self, stop_event: threading.Event | None = None) -> None:
        """Serve until `stop_event` is set or `close` is called; then the port is free again."""
        with self._running:
            try:
                threading.Thread(target=self._warm_up, name="air-warm-up", daemon=True).start()
                while not (self._stop.is_set() or (stop_event is not None and stop_event.is_set())):
                    self._step()
            finally:
                self._stop.set()
                self._socket.close(0)

    def serve_in_thread(self) -> threading.Thread:
        """`run` in a daemon thread, which is returned; end it with `close`."""
        thread = threading.Thread(target=self.run, name="air", daemon=True)
        thread.start()
        return thread

    def set_block_samples(self, n_samples: int) -> None:
        """Fading blocks of so many ticks for every burst that arrives from now on."""
        if n_samples < 1:
            raise ConfigurationError(f"A fading block has at least one sample, not {n_samples}.")
        self._medium.block_samples = n_samples

    def drop_transmitter(self, user: int) -> None:
        """Nobody waits for this user any more; its session is refused from now on, a new one is welcome."""
        self._to_drop.append(user)

    def drain_truth(self) -> list[LinkTruth]:
        """Ground truth of the bursts that came since the last call (the newest 4,096)."""
        drained = []
        with suppress(IndexError):  # another thread may drain it too
            while True:
                drained.append(self._truths.popleft())
        return drained

    def close(self) -> None:
        """Stop serving and free the port. Safe to call twice."""
        self._stop.set()
        if self._running.acquire(timeout=5.0):
            self._socket.close(0)
            self._running.release()

    # -- the loop ---------------------------------------------------------------------------------------

    def _warm_up(self) -> None:
        """Compiling takes seconds on a fresh machine: radios attach meanwhile, samples come afterwards."""
        try:
            self._medium.warm_up()
        finally:
            self._warm.set()

    def _step(self) -> None:
        now_s = time.monotonic()
        waits = [
            self._timeline.wait_s(w.request.start_tick + w.request.n_samples, w.asked_s, now_s)
            for w in self._pending.values()
        ]
        if self._socket.poll(int(1000 * min([_LONGEST_WAIT_S, *waits])) + 1):
            for _ in range(64):  # then look after the waiting ones even when messages rain
                try:
                    frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
                except zmq.Again:
                    break
                self._backlog.took(frames[1:])
                self._take(frames)
        self.counters["cut"] += self._backlog.cut()
        while self._to_drop:
            self._drop(self._to_drop.popleft())
        for session in self._sessions.newly_dead(time.monotonic()):
            self._presume_dead(session)  # what it has asked for stays: it may only be frozen
        self._serve_pending()
        self._take_held()

    def _take(self, frames: list[zmq.Frame]) -> None:
        """One message from anybody: whatever is not understood is counted, logged and dropped."""
        address = frames[0].bytes
        try:
            message = p.decode_at_server(frames[1].buffer)
            if isinstance(message, p.Burst) != (len(frames) == 3) or len(frames) > 3:
                raise DeviceError(f"{len(frames)} frames do not make a {type(message).__name__}")
            self._dispatch(address, message, frames[-1])
        except (msgspec.MsgspecError, DeviceError, IndexError, UnicodeDecodeError) as error:
            self.counters["malformed"] += 1
            count = self.counters["malformed"]
            if count & (count - 1) == 0:  # the 1st, 2nd, 4th, 8th ...: a flood must not fill the disk
                log.warning("a malformed message was dropped (%d so far): %s", count, error)

    def _dispatch(self, address: bytes, message: p.ToServer, last: zmq.Frame) -> None:
        if isinstance(message, p.Attach):
            self._attach(address, message)
            return
        session = self._sessions.get(message.session)
        if session is not None:
            self._revive(session)
        if isinstance(message, p.Heartbeat):
            self._send(address, p.Alive(session is not None and not session.dropped))
        elif isinstance(message, p.Detach):
            if session is not None:
                self._lose(session, "left")
                self._sessions.remove(session.name)
        elif session is None or session.dropped:
            request = 0 if isinstance(message, p.IdleUntil) else message.request
            self._send(address, p.Refused(request, "device", "The air no longer knows this radio; open it again."))
        else:
            self._serve(session, message, last)

    def _serve(self, session: Session, message: p.ToServer, last: zmq.Frame) -> None:
        match message:
            case p.Burst(request=request) if not session.transmits:
                reason = "This radio was opened for receiving; open one with role tx to transmit."
                self._send(session.address, p.Refused(request, "configuration", reason))
            case p.Burst():
                self._burst(_HeldBurst(session, message, last))
            case p.IdleUntil(tick=tick) if session.transmits:
                self._timeline.promise(session.index, tick, time.monotonic())
            case p.Receive(request=request, n_samples=n) if not 0 < n <= self.config.memory_samples:
                reason = f"One receive takes 1 to {self.config.memory_samples} samples, not {n}."
                self._send(session.address, p.Refused(request, "configuration", reason))
            case p.Receive():
                self._pending[session.name] = _PendingReceive(session, message, time.monotonic())
            case p.Now(request=request):
                self._send(session.address, p.Time(request, self._timeline.now_tick(time.monotonic())))
            case p.SetGain(request=request, tx_gain_db=gain_db):
                session.tx_gain_db = gain_db
                self._send(session.address, p.Done(request, []))

    # -- who is there -----------------------------------------------------------------------------------

    def _attach(self, address: bytes, message: p.Attach) -> None:
        if message.version != p.PROTOCOL_VERSION:
            reason = f"The air speaks version {p.PROTOCOL_VERSION} of its protocol, the radio {message.version}."
            self._send(address, p.Refused(message.request, "device", reason))
            return
        now_s = time.monotonic()
        session = Session(message.session, message.role, message.index, address, now_s)
        obstacle = self._sessions.add(session)
        if obstacle is not None:
            self._send(address, p.Refused(message.request, "busy", obstacle))
            return
        if session.transmits:
            self._timeline.attach(session.index, now_s)
        c = self.config
        limits = (c.sample_rate_hz, c.center_frequency_hz, c.rx_antennas, c.pace is not None)
        self._send(address, p.Attached(message.request, *limits))

    def _revive(self, session: Session) -> None:
        session.heard_s = time.monotonic()
        if not session.present and not session.dropped:
            session.present = True
            if session.transmits:
                self._timeline.attach(session.index, session.heard_s)

    def _drop(self, user: int) -> None:
        self._timeline.detach(user, time.monotonic())  # also when it has not come yet: nobody waits for it
        for session in self._sessions.of_user(user):
            session.dropped = True
            self._lose(session, "was dropped")

    def _lose(self, session: Session, what: str) -> None:
        self._pending.pop(session.name, None)
        self._held.pop(session.name, None)
        self._presume_dead(session, what)

    def _presume_dead(self, session: Session, what: str = "fell silent") -> None:
        session.present = False
        if session.transmits:
            self._timeline.detach(session.index, time.monotonic())
        log.info("%s %d %s", {"tx": "transmitter", "rx": "receiver"}.get(session.role, "?"), session.index, what)

    # -- samples ----------------------------------------------------------------------------------------

    def _burst(self, held: _HeldBurst) -> None:
        """On the air, or refused, or LATE, or held while too much waits to be received."""
        session, request = held.session, held.request
        iq = p.iq_view(held.payload.buffer, request.channels, request.n_samples)
        now_s = time.monotonic()
        if request.start_tick < self._timeline.now_tick(now_s):
            self.counters["late"] += 1
            self._timeline.promise(session.index, request.start_tick + request.n_samples, now_s)
            late = p.Event(EventKind.LATE, request.start_tick, 1)
            self._send(session.address, p.Done(request.request, [late]))
            return
        if self._medium.stored_samples + request.n_samples > 4 * self.config.memory_samples:
            self._held[session.name] = held
            return
        try:
            samples = Samples(iq, request.start_tick, request.sample_rate_hz)
            self._truths.append(self._medium.add_burst(session.index, samples, session.tx_gain_db))
        except ConfigurationError as error:
            self._send(session.address, p.Refused(request.request, "configuration", str(error)))
            return
        self._timeline.promise(session.index, samples.end_tick, now_s)
        self._send(session.address, p.Done(request.request, []))

    def _take_held(self) -> None:
        held, self._held = self._held, {}
        for burst in held.values():
            self._burst(burst)

    def _serve_pending(self) -> None:
        if not self._warm.is_set():
            return
        for name, waiting in list(self._pending.items()):
            request, now_s = waiting.request, time.monotonic()
            if self._timeline.may_render(request.start_tick + request.n_samples, waiting.asked_s, now_s):
                del self._pending[name]
                self._answer(waiting.session, request)

    def _answer(self, session: Session, request: p.Receive) -> None:
        events = []
        start_tick = request.start_tick
        oldest = self._timeline.now_tick(time.monotonic()) - self.config.memory_samples
        if start_tick < oldest:
            events.append(p.Event(EventKind.OVERFLOW, start_tick, oldest - start_tick))
            start_tick = oldest
        samples, clipped = self._medium.render_counted(start_tick, request.n_samples)
        if clipped:
            events.append(p.Event(EventKind.CLIPPED, start_tick, clipped))
        self._timeline.rendered(start_tick + request.n_samples)
        self._medium.forget_before(self._timeline.now_tick(time.monotonic()) - self.config.memory_samples)
        block = p.Block(request.request, start_tick, samples.shape[0], samples.shape[1], events)
        self._send(session.address, block, samples.data)
        self.on_rendered()

    def _send(self, address: bytes, message: p.ToRadio, *payload: memoryview) -> None:
        self._socket.send_multipart([address, p.encode(message), *payload], copy=False)
