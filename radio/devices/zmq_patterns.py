"""How others put IQ samples on ZeroMQ: socket types, who binds, and what a request says.

The samples are complex64, little-endian, I then Q, without header; their count is the only clock.
"""

import struct
from dataclasses import dataclass
from typing import Literal

import zmq

from radio.devices.address import split_options

SRSRAN_REQUEST = b"\xff"


@dataclass(frozen=True)
class Pattern:
    """One convention. lossless: the sender waits for the receiver. requests: the receiver asks for each block."""

    tx_socket: int
    rx_socket: int
    lossless: bool
    requests: bool

    def request(self, n_samples: int) -> bytes:
        """What a receiver sends to be given samples."""
        return SRSRAN_REQUEST if self is PATTERNS["srsran"] else struct.pack("<I", n_samples)

    def asked_samples(self, request: bytes, default: int) -> int:
        """How many samples a request asks for at most; `default` where it does not say."""
        if self is PATTERNS["reqrep"] and len(request) == 4:
            return max(1, min(int(struct.unpack("<I", request)[0]), default))
        return default


PATTERNS = {
    "pubsub": Pattern(zmq.PUB, zmq.SUB, lossless=False, requests=False),
    "pushpull": Pattern(zmq.PUSH, zmq.PULL, lossless=True, requests=False),
    "reqrep": Pattern(zmq.REP, zmq.REQ, lossless=True, requests=True),
    "srsran": Pattern(zmq.REP, zmq.REQ, lossless=True, requests=True),
}


@dataclass(frozen=True)
class StreamAddress:
    """A parsed `tcp://HOST:PORT?pattern=...&bind=...&pace=...&repeat=...`."""

    endpoint: str
    pattern: Pattern
    bind: bool
    pace: bool
    repeat: bool


def parse_address(address: str, role: Literal["tx", "rx"]) -> StreamAddress:
    """Raises ConfigurationError with what is allowed. Transmitters bind and receivers connect unless bind= says."""
    switch = ("0", "1")
    allowed = {"pattern": tuple(PATTERNS), "bind": switch, "pace": switch, "repeat": switch}
    endpoint, options = split_options(f"zmq:{address}", address, allowed)
    name = options.get("pattern", "pubsub")
    bind = options.get("bind", "1" if role == "tx" else "0") == "1"
    return StreamAddress(endpoint, PATTERNS[name], bind, options.get("pace", "1") == "1", options.get("repeat") == "1")
