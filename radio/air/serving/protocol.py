"""Messages between simulated radios and the air's server, over ZeroMQ (radio: DEALER, server: ROUTER).

A message is one MessagePack frame; `Burst` and `Block` are followed by a frame of IQ: little-endian complex64
[channels, n], not copied on the way. Every request names its session and a request number; its reply repeats
the number, so that a reply to a request that was given up is known and dropped.
"""

from typing import Annotated, Literal

import msgspec
import numpy as np

from radio.errors import DeviceError
from radio.samples import EventKind, RadioEvent

PROTOCOL_VERSION = 1

# Bounds keep every sum of ticks and lengths inside int64, whoever sends them.
Tick = Annotated[int, msgspec.Meta(ge=-(1 << 52), le=1 << 52)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 32)]
Index = Annotated[int, msgspec.Meta(ge=0, le=255)]
GainDb = Annotated[float, msgspec.Meta(ge=-200, le=0)]


class Message(msgspec.Struct, tag=True, array_like=True):
    """Base of every message; array_like keeps them small."""


class Attach(Message):
    """A radio wants to take part. index: user of a transmitter, number of a receiver."""

    version: int
    session: str
    request: int
    role: Literal["tx", "rx"]
    index: Index


class Attached(Message):
    request: int
    sample_rate_hz: float
    center_frequency_hz: float
    rx_antennas: int
    paced: bool


class SetGain(Message):
    """Transmit gain for the bursts that follow, dB relative to full scale (0 or less)."""

    session: str
    request: int
    tx_gain_db: GainDb


class Burst(Message):
    """Followed by IQ. Replied to with Done when the air has taken it (or dropped it: LATE event)."""

    session: str
    request: int
    start_tick: Tick
    sample_rate_hz: float
    channels: Count
    n_samples: Count


class IdleUntil(Message):
    """A promise; no reply."""

    session: str
    tick: Tick


class Receive(Message):
    session: str
    request: int
    start_tick: Tick
    n_samples: Count


class Now(Message):
    session: str
    request: int


class Heartbeat(Message):
    """Sent from a socket of its own while the radio's thread is busy elsewhere."""

    session: str


class Detach(Message):
    session: str


class Event(Message):
    kind: str
    tick: Tick
    count: int


class Done(Message):
    request: int
    events: list[Event]


class Block(Message):
    """Followed by IQ."""

    request: int
    start_tick: int
    channels: int
    n_samples: int
    events: list[Event]


class Time(Message):
    request: int
    tick: int


class Refused(Message):
    """kind: "configuration", "busy" (try again) or "device". request 0 belongs to no request."""

    request: int
    kind: str
    reason: str


class Alive(Message):
    """Answer to a heartbeat. known: the server still has the session."""

    known: bool


ToServer = Attach | SetGain | Burst | IdleUntil | Receive | Now | Heartbeat | Detach
ToRadio = Attached | Done | Block | Time | Refused | Alive

encode = msgspec.msgpack.Encoder().encode
decode_at_server = msgspec.msgpack.Decoder(ToServer).decode
decode_at_radio = msgspec.msgpack.Decoder(ToRadio).decode


def iq_view(buffer: memoryview, channels: int, n_samples: int) -> np.ndarray:
    """complex64 [channels, n_samples] over the buffer, no copy. DeviceError where the sizes disagree."""
    if channels < 1 or n_samples < 0 or buffer.nbytes != 8 * channels * n_samples:
        raise DeviceError(f"An IQ frame has {buffer.nbytes} bytes, not {channels} x {n_samples} complex64 samples.")
    return np.frombuffer(buffer, np.complex64).reshape(channels, n_samples)


def to_radio_events(events: list[Event]) -> list[RadioEvent]:
    return [RadioEvent(EventKind(e.kind), e.tick, e.count) for e in events]
