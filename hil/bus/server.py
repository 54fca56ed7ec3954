"""The coordinator's end of the bus: one ROUTER, bound to loopback only unless CURVE keys are given."""

import time
from pathlib import Path

import zmq

from hil.bus import keys
from hil.bus.messages import PROTOCOL_VERSION, Body, Envelope, encode
from hil.bus.wire import Attachments, Received, is_loopback, log_malformed, parse, send_parts
from hil.errors import UsageError


class BusServer:
    """The coordinator's end. Not thread-safe: one thread polls and sends.

    Raises UsageError when the endpoint is occupied, or is not loopback and no keys are given.
    """

    def __init__(self, endpoint: str, keys_folder: Path | None = None) -> None:
        if keys_folder is None and not is_loopback(endpoint):
            raise UsageError(
                f"bus.endpoint {endpoint} is reachable from other machines and needs keys: make them with "
                f"semnoma-hil keys and set bus.keys, or use 127.0.0.1."
            )
        self.malformed = 0
        self._sequence = 0
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 1000
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)  # a restarted node takes its old place
        self._socket.setsockopt(zmq.MAXMSGSIZE, 1 << 30)
        self._authenticator = keys.secure_server(self._context, self._socket, keys_folder) if keys_folder else None
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise UsageError(f"bus.endpoint {endpoint} cannot be bound: {zmq.strerror(error.errno or 0)}.") from None
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def receive(self, timeout_s: float) -> Received | None:
        """Next well-formed message, or None after timeout_s."""
        if not self._socket.poll(max(0, int(timeout_s * 1000))):
            return None
        identity, *frames = self._socket.recv_multipart(copy=False)
        try:
            received = parse(frames)
            if received.sender.encode() != bytes(identity.buffer):
                raise ValueError(f"sender {received.sender!r} is not the connection's own name")
        except ValueError as error:
            self.malformed += 1
            log_malformed(self.malformed, error)
            return None
        return received

    def send(self, node: str, body: Body, attachments: Attachments = ()) -> None:
        """Send to one node; a node that is not there is the caller's heartbeat's business."""
        self._sequence += 1
        data = encode(Envelope(PROTOCOL_VERSION, "coordinator", self._sequence, time.time(), body))
        send_parts(self._socket, [node.encode()], data, attachments)

    def close(self) -> None:
        """Send what is queued (at most a second) and close."""
        self._socket.close()
        if self._authenticator:
            self._authenticator.stop()
        self._context.term()
