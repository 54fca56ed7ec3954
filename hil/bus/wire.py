"""What both ends of the bus share: a message and its attachments as ZeroMQ parts.

Malformed messages are counted and dropped with a log line.
"""

import ipaddress
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import zmq

from hil.bus.messages import MAX_ATTACHMENTS, MAX_BODY_BYTES, Body, decode
from hil.bus.presence import Silence

log = logging.getLogger(__name__)
Attachments = Sequence[bytes | memoryview]
LARGE_BYTES = 1 << 16  # below this a copy is cheaper than a reference-counted frame


@dataclass(frozen=True)
class Received:
    """A checked message, or what a node's own end has noticed. attachments: raw buffers, valid while referenced."""

    sender: str
    body: Body | Silence
    attachments: list[memoryview] = field(default_factory=list)
    sequence: int = 0


def is_loopback(endpoint: str) -> bool:
    """True for tcp://127.x.x.x:port, tcp://[::1]:port and tcp://localhost:port."""
    host = endpoint.removeprefix("tcp://").rsplit(":", 1)[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse(frames: list[zmq.Frame]) -> Received:
    """A message from its parts; ValueError, with the reason, for what is malformed."""
    if not 1 <= len(frames) <= 1 + MAX_ATTACHMENTS:
        raise ValueError(f"{len(frames)} frames, 1 to {1 + MAX_ATTACHMENTS} are allowed")
    body = memoryview(frames[0].buffer)
    if body.nbytes > MAX_BODY_BYTES:  # before it is copied: it may be a gigabyte
        raise ValueError(f"body of {body.nbytes} bytes, at most {MAX_BODY_BYTES} are allowed")
    envelope = decode(bytes(body))
    attachments = [frame.buffer for frame in frames[1:]]
    return Received(envelope.sender, envelope.body, attachments, envelope.sequence)


def send_parts(socket: zmq.Socket, prefix: list[bytes], data: bytes, attachments: Attachments, flags: int = 0) -> None:
    """One message. With zmq.NOBLOCK, zmq.Again comes before its first part is sent or not at all."""
    for address in prefix:
        socket.send(address, flags | zmq.SNDMORE)
    socket.send(data, flags | (zmq.SNDMORE if attachments else 0))
    for i, part in enumerate(attachments):
        more = zmq.SNDMORE if i < len(attachments) - 1 else 0
        socket.send(part, flags | more, copy=len(part) < LARGE_BYTES)


def log_malformed(count: int, error: ValueError) -> None:
    """The 1st, 2nd, 4th, 8th ...: a flood must not fill the disk, nor a log that keeps its records the memory."""
    if count & (count - 1) == 0:
        log.warning("dropped a malformed bus message (%d so far): %s", count, str(error))
