"""The coordinator's end of the bus: one ROUTER, bound to loopback only unless CURVE keys are given."""

import logging
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import zmq

from hil.bus import keys
from hil.bus.allowance import Allowance
from hil.bus.key_ring import KeyRing
from hil.bus.messages import PROTOCOL_VERSION, Body, Envelope, Hello, Refused, encode
from hil.bus.presence import Silence
from hil.bus.roles import offence, role_of
from hil.bus.wire import Attachments, Received, is_loopback, log_malformed, parse, send_parts
from hil.errors import UsageError
from radio.backlog import Backlog
from radio.cut_links import bind

log = logging.getLogger(__name__)
MAX_ROUTES = 64
MAX_QUEUED = 256  # messages of a connection, each way: who floods, or does not read, costs so much and no more
MAX_RATE_HZ, MAX_BURST = 5000, 5000  # messages of a connection; a node says some hundreds a second
MAX_COUNTED = 256  # connections whose messages are counted
HANDSHAKE_MS = 10_000  # a connection that says nothing has its place for so long
MAX_BACKLOG_BYTES = 1 << 30  # that a connection may have sent of messages which are not whole
ALIVE_S = 2.0  # a name that was heard so lately is taken


@dataclass
class _Route:
    """Where a node is reached, with which key, when it was heard (monotonic) and the number of its last message."""

    address: bytes
    key: str
    heard_s: float = 0.0
    sequence: int = 0


def _key_of(frame: zmq.Frame) -> str:
    """The public key (Z85) of the connection that a frame came over; empty where there is none."""
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:
        return ""


def _process(address: bytes) -> bytes:
    """The part of a connection's name that all connections of one process share."""
    return address.rpartition(b".")[0]


class BusServer:
    """The coordinator's end. Not thread-safe: one thread polls and sends.

    A node is reached over the connection on which it spoke last under its name, and only where its key may take that
    name now. While it is alive, no other process takes its name. What it may not say (see `roles`), what comes twice
    or out of order is counted in `refused` and dropped, unread (`flooded`) what comes faster than MAX_RATE_HZ. A
    connection whose message does not end is `cut`.

    Raises UsageError when the endpoint is occupied, or is not loopback and no keys are given.
    """

    def __init__(self, endpoint: str, keys_folder: Path | None = None) -> None:
        if keys_folder is None and not is_loopback(endpoint):
            raise UsageError(
                f"bus.endpoint {endpoint} is reachable from other machines and needs keys: make them with "
                f"semnoma-hil keys and set bus.keys, or use 127.0.0.1."
            )
        self.malformed = self.refused = self.flooded = self.cut = 0
        self._reasons = {"malformed": "", "refused": "", "flooded": ""}
        self._told = dict.fromkeys(self._reasons, 0)
        self._allowances: dict[bytes, Allowance] = {}
        self._routes: dict[str, _Route] = {}
        self._replaced: deque[bytes] = deque(maxlen=256)
        self._sequence = 0
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 1000
        self._socket.set_hwm(MAX_QUEUED)
        self._socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
        self._socket.setsockopt(zmq.MAXMSGSIZE, 1 << 30)
        self._ring = KeyRing(keys_folder) if keys_folder else None
        self._keys_folder = keys_folder
        self._authenticator = keys.secure_server(self._context, self._socket, keys_folder) if keys_folder else None
        try:
            bind(self._socket, endpoint)
        except zmq.ZMQError as error:
            self.close()
            taken = ": another coordinator may run there; end it, or choose another port"
            why = zmq.strerror(error.errno or 0) + (taken if error.errno == zmq.EADDRINUSE else "")
            raise UsageError(f"bus.endpoint {endpoint} cannot be bound: {why}.") from None
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._backlog = Backlog(self.endpoint, MAX_BACKLOG_BYTES)

    def receive(self, timeout_s: float) -> Received | None:
        """Next well-formed message, or None after timeout_s."""
        self._look_at_keys()
        self._look_at_backlog()
        if not self._socket.poll(max(0, int(timeout_s * 1000))):
            return None
        for _ in range(MAX_QUEUED):  # what floods is thrown away by the handful
            try:
                connection, *frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return None
            self._backlog.took(frames)
            address = bytes(connection.buffer)
            if self._allowance(address).take():
                return self._taken(address, frames)
            self.flooded += 1
            self._reasons["flooded"] = f": {address.partition(b'.')[0].decode(errors='replace')[:40]} floods the bus"
        return None

    def _taken(self, address: bytes, frames: list[zmq.Frame]) -> Received | None:
        """A message that counts, or None: malformed, or refused."""
        try:
            received = parse(frames)
            if received.sender.encode() != address.partition(b".")[0]:
                raise ValueError(f"sender {received.sender!r} is not the connection's own name")
        except ValueError as error:
            self.malformed += 1
            log_malformed(self.malformed, error)
            return None
        key = _key_of(frames[0]) if self._ring else ""
        reason = self._refusal(received, address, key)
        if reason is None:
            return received
        self.refused += 1
        self._reasons["refused"] = f", the last: {reason}"
        if self.refused & (self.refused - 1) == 0:
            log.warning("refused a bus message (%d so far): %s", self.refused, reason)
        return None

    def _refusal(self, received: Received, address: bytes, key: str) -> str | None:
        """Why a message counts for nothing, or None; a node's newest connection takes the place of its older ones."""
        name, body = received.sender, received.body
        if self._ring is not None and not self._ring.allows(key, name):
            return f"this key may not take the name {name[:40]}"
        now_s = time.monotonic()
        reason = None if isinstance(body, Silence) else offence(name, body)
        if reason is not None:
            return reason
        route = self._routes.get(name)
        if route is None or route.address != address:
            if address in self._replaced:
                return f"{name} speaks over a connection that it has replaced"
            if route is not None and _process(address) != _process(route.address) and now_s - route.heard_s < ALIVE_S:
                if isinstance(body, Hello):
                    self._send_to(address, Refused(f"another {name} is on this bus and alive; end it, or be another."))
                return f"another {name} is alive"
            if route is not None:
                self._replaced.append(route.address)
            elif len(self._routes) >= MAX_ROUTES:  # a flood of names takes the place of nobody who counts
                strangers = (one for one in self._routes if role_of(one) in (None, "observer"))
                self._routes.pop(next(strangers, ""), None)
            route = self._routes[name] = _Route(address, key)
        if received.sequence <= route.sequence:
            return f"{name} repeats message {received.sequence}"
        route.sequence, route.heard_s = received.sequence, now_s
        return None

    def trouble(self) -> list[str]:
        """What has been dropped, in sentences; each count again when it has doubled."""
        counts = {"malformed": self.malformed, "refused": self.refused, "flooded": self.flooded}
        news = [kind for kind, count in counts.items() if count >= max(1, 2 * self._told[kind])]
        self._told.update({kind: counts[kind] for kind in news})
        return [f"{counts[kind]} {kind} messages dropped so far{self._reasons[kind]}" for kind in news]

    def _allowance(self, address: bytes) -> Allowance:
        allowance = self._allowances.pop(address, None) or Allowance(MAX_RATE_HZ, MAX_BURST, time.monotonic)
        while len(self._allowances) >= MAX_COUNTED:
            del self._allowances[next(iter(self._allowances))]  # the one that was silent longest
        self._allowances[address] = allowance
        return allowance

    def _look_at_backlog(self) -> None:
        cut = self._backlog.cut()
        if cut:
            self.cut += cut
            log.warning("cut a connection whose message did not end (%d so far)", self.cut)

    def _look_at_keys(self) -> None:
        """Nobody is let in, listened or spoken to any more whose key has been revoked."""
        if self._ring is None or not self._ring.changed():
            return
        if self._authenticator is not None and self._keys_folder is not None:
            self._authenticator.configure_curve(domain="*", location=str(self._keys_folder / "authorized"))
        for name, route in list(self._routes.items()):
            if not self._ring.allows(route.key, name):
                log.warning("the key of %s is revoked", name)
                del self._routes[name]

    def send(self, node: str, body: Body, attachments: Attachments = ()) -> None:
        """Send to one node; a node that is not there is the caller's heartbeat's business."""
        route = self._routes.get(node)
        if route is not None:
            self._send_to(route.address, body, attachments)

    def _send_to(self, address: bytes, body: Body, attachments: Attachments = ()) -> None:
        self._sequence += 1
        data = encode(Envelope(PROTOCOL_VERSION, "coordinator", self._sequence, time.time(), body))
        send_parts(self._socket, [address], data, attachments)

    def close(self) -> None:
        """Send what is queued (at most a second) and close."""
        self._socket.close()
        if self._authenticator:
            self._authenticator.stop()
        self._context.term()
