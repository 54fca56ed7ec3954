"""A node's end of the bus: one DEALER, on a thread of its own, so that heartbeats go out while the node computes."""

import contextlib
import itertools
import logging
import math
import queue
import secrets
import threading
import time
from collections import deque
from pathlib import Path

import zmq
from zmq.utils.monitor import recv_monitor_message

from hil.bus import keys
from hil.bus.clock import CoordinatorClock
from hil.bus.messages import MAX_ATTACHMENTS, MAX_BODY_BYTES, PROTOCOL_VERSION, Body, Envelope, Heartbeat, encode
from hil.bus.presence import Presence
from hil.bus.wire import Attachments, Received, is_loopback, log_malformed, parse, send_parts
from hil.errors import HilError, UsageError
from radio.cut_links import try_every_second

log = logging.getLogger(__name__)
CLOSING_S = 1.0  # how long a node that leaves waits for its last messages to be taken
RETRY_MS = 20
_PROCESS = secrets.token_hex(8)  # nobody can take what nobody can guess
_connections = itertools.count()
CONNECT_MS = 2000  # then dial again: the kernel's own tries on a link that was cut come ever more rarely


def _refuse_unsendable(sender: str, body: Body, attachments: Attachments) -> None:
    """UsageError in the sender's own thread, which can act on it; the I/O thread has nobody to tell."""
    try:
        data = encode(Envelope(PROTOCOL_VERSION, sender, 0, 0.0, body))
        for part in attachments:
            if not memoryview(part).c_contiguous:
                raise ValueError("an attachment is not contiguous")
        if len(data) > MAX_BODY_BYTES - 64 or len(attachments) > MAX_ATTACHMENTS:
            raise ValueError(f"{len(data)} bytes and {len(attachments)} attachments are more than the bus takes")
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise UsageError(f"{sender}: a {type(body).__name__} cannot be sent: {error}.") from None


class BusClient:
    """A node's end: `send` from any thread, `receive` in one. The I/O thread keeps up the heartbeats.

    A coordinator that is silent for timeout_s, or whose process has ended, appears as a `Silence`.
    """

    def __init__(
        self,
        endpoint: str,
        name: str,
        *,
        heartbeat_s: float,
        timeout_s: float,
        keys_folder: Path | None = None,
        key: str | None = None,
    ) -> None:
        """key: whose key pair to use, where it is not called like the node."""
        self.name, self.endpoint, self.malformed = name, endpoint, 0
        self.coordinator = Presence(endpoint, timeout_s, time.monotonic())
        self.leaving = threading.Event()  # set as soon as it is closed
        self.now_tick = 0  # the owner's radio time, reported with every heartbeat
        self.clock = CoordinatorClock()
        self._heartbeat_s = heartbeat_s
        self._sequence = self._last_heard = 0
        self._inbox: queue.Queue[Received | None] = queue.Queue()
        self._fault: str | None = None  # what the I/O thread died of
        self._outbox: queue.Queue[tuple[Body, Attachments] | None] = queue.Queue()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.identity = f"{name}.{_PROCESS}.{next(_connections)}".encode()
        self._socket.linger = 1000
        self._socket.connect_timeout = CONNECT_MS
        self._socket.setsockopt(zmq.MAXMSGSIZE, 1 << 30)
        if keys_folder:
            keys.secure_client(self._socket, keys_folder, key or name)
        elif not is_loopback(endpoint):
            self._socket.close()
            self._context.term()
            raise UsageError(f"bus.endpoint {endpoint} is not loopback and needs bus.keys.")
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_CONNECTED | zmq.EVENT_DISCONNECTED)
        self._socket.connect(endpoint)
        self._wake_in = self._context.socket(zmq.PAIR)
        self._wake_in.bind(f"inproc://wake-{id(self)}")
        self._wake_out = self._context.socket(zmq.PAIR)
        self._wake_out.connect(f"inproc://wake-{id(self)}")
        self._wake_lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"bus-{name}", daemon=True)
        self._thread.start()

    def send(self, body: Body, attachments: Attachments = ()) -> None:
        """Queue a message. Large attachments are not copied: leave them unchanged afterwards.

        Raises UsageError for what cannot be encoded, HilError where the I/O thread has died.
        """
        self._refuse_when_dead()
        _refuse_unsendable(self.name, body, attachments)
        self._put((body, attachments))

    def receive(self, timeout_s: float | None = None) -> Received | None:
        """Next message, or None after timeout_s (None: wait for ever). HilError where the I/O thread has died."""
        if self._inbox.empty():
            self._refuse_when_dead()
        try:
            received = self._inbox.get(timeout=timeout_s)
        except queue.Empty:
            received = None
        if received is None:  # also the word that the thread leaves behind
            self._refuse_when_dead()
        return received

    def close(self) -> None:
        """Send what is queued (at most CLOSING_S when nobody takes it), then leave."""
        self.leaving.set()
        self._put(None)
        self._thread.join()
        with self._wake_lock:
            self._wake_out.close()
        self._context.term()

    def _refuse_when_dead(self) -> None:
        if self._fault is not None:
            raise HilError(f"{self.name} has no bus any more: its thread has died of {self._fault}.")

    def _put(self, item: tuple[Body, Attachments] | None) -> None:
        self._outbox.put(item)
        with self._wake_lock:
            if not self._wake_out.closed:
                with contextlib.suppress(zmq.Again):  # then the thread has wake-ups enough
                    self._wake_out.send(b"", zmq.NOBLOCK)

    def _run(self) -> None:
        try:
            self._exchange()
        except zmq.ContextTerminated:
            log.debug("%s: left without close()", self.name)
        except Exception as error:
            log.exception("%s: the bus's thread has died", self.name)
            self._fault = f"{type(error).__name__}: {error}"
            self._inbox.put(None)  # wakes who waits for ever
        finally:  # a socket left open would block the end of its context for ever
            self._socket.disable_monitor()
            self._monitor.close(0)
            self._socket.close(0 if self.coordinator.gone else None)  # nobody is there to take the last words
            self._wake_in.close()

    def _exchange(self) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._wake_in, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        waiting: deque[tuple[Body, Attachments]] = deque()
        last_sent, closing_at = 0.0, math.inf
        while True:
            ready = dict(poller.poll(RETRY_MS if waiting else int(self._heartbeat_s * 500)))
            now = time.monotonic()
            if self._wake_in in ready:
                self._wake_in.recv()
            if self._monitor in ready:
                self._note_connection(now)
            if self._socket in ready:
                self.coordinator.hear(now)
                self._take()
            while not self._outbox.empty():
                item = self._outbox.get()
                if item is None:
                    closing_at = min(closing_at, now)
                else:
                    waiting.append(item)
            if not waiting and now - last_sent > self._heartbeat_s:
                waiting.append((Heartbeat(now_tick=self.now_tick, clock_s=time.monotonic()), ()))
            while waiting and self._offer(*waiting[0]):
                waiting.popleft()
                last_sent = now
            if closing_at < math.inf and (not waiting or self.coordinator.gone or now > closing_at + CLOSING_S):
                return
            silence = self.coordinator.news(now)
            if silence is not None:
                self._inbox.put(Received("coordinator", silence))

    def _note_connection(self, now_s: float) -> None:
        while self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)
            if event["event"] == zmq.EVENT_CONNECTED:
                try_every_second(event)
                self.coordinator.connected()
                self._last_heard = 0  # it may be another one
            else:
                self.coordinator.disconnected(now_s)

    def _offer(self, body: Body, attachments: Attachments) -> bool:
        """Send without waiting; False where the coordinator takes nothing now: gone, or refusing our key."""
        data = encode(Envelope(PROTOCOL_VERSION, self.name, self._sequence + 1, time.time(), body))
        try:
            send_parts(self._socket, [], data, attachments, zmq.NOBLOCK)
        except zmq.Again:
            return False
        self._sequence += 1
        return True

    def _take(self) -> None:
        try:
            received = parse(self._socket.recv_multipart(copy=False))
        except ValueError as error:
            self.malformed += 1
            log_malformed(self.malformed, error)
            return
        if received.sequence <= self._last_heard:
            return  # repeated or out of order: nobody's word twice
        self._last_heard = received.sequence
        if not isinstance(received.body, Heartbeat):
            self._inbox.put(received)
        elif None not in (beat := (received.body.echo_s, received.body.clock_s, received.body.held_s)):
            self.clock.note(*beat, time.monotonic())  # type: ignore[arg-type]
