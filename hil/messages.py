"""What travels on the bus: typed, versioned messages (msgpack through msgspec, never pickle).

On the wire a message is two or more ZeroMQ frames: the packed `Envelope`, then the binary attachments that
the body names (pictures, symbols) as raw frames, so that large arrays are neither encoded nor copied.
"""

from typing import Annotated

import msgspec

PROTOCOL_VERSION = 1
MAX_BODY_BYTES = 1 << 20
MAX_ATTACHMENTS = 8

# Bounds keep sums of ticks inside int64 and everything that a burst's header carries inside its fields.
Tick = Annotated[int, msgspec.Meta(ge=-(1 << 60), le=1 << 60)]
SlotNumber = Annotated[int, msgspec.Meta(ge=0, le=1 << 48)]
Number = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
UserIndex = Annotated[int, msgspec.Meta(ge=0, le=255)]
Side = Annotated[int, msgspec.Meta(ge=0, le=65535)]  # pixels


class Message(msgspec.Struct, tag=True, frozen=True, forbid_unknown_fields=True):
    """Base of every bus message; the class name is the tag on the wire."""


class Hello(Message, frozen=True):
    """A node joins (and joins again whenever the coordinator seems to have forgotten it)."""

    role: str  # "tx", "rx" or "air"
    user: UserIndex | None
    process_id: int
    config_digest: str
    now_tick: Tick = 0
    max_burst_samples: Number = 0  # longest burst that a transmitter will send
    pictures: Number = 0  # how many pictures a transmitter has
    repeats: bool = False  # a transmitter whose radio cannot send at a time, but repeats its burst


class Refused(Message, frozen=True):
    """The coordinator will not have this node; `reason` is a sentence."""

    reason: str


class Start(Message, frozen=True):
    """The run begins: every slot has this many samples (the air fades in blocks of it).

    repeats: transmitters repeat a slot's content for ever, with slot_samples as the period.
    """

    slot_samples: Number
    guard_samples: Number
    repeats: bool = False


class UserCsi(Message, frozen=True):
    """One user's measured channel. gain: |h| relative to the mean over users; powers linear."""

    user: UserIndex
    cfo_hz: float  # transmitter minus receiver, what is left after pre-correction
    delay_samples: float
    gain: float
    phase_rad: float
    snr_db: float
    clock_ppm: float = 0.0
    arrival_samples: float = 0.0  # of the burst, from where the slot has it


class CsiReport(Message, frozen=True):
    """What the receiver measured in one slot. `now_tick` is its radio's time when it reported."""

    slot: SlotNumber
    frame: Number | None
    measured_tick: Tick
    now_tick: Tick
    snr_db: float | None  # total over users; None when nothing was found
    users: list[UserCsi]


class Grant(Message, frozen=True):
    """Transmit (and receive) in this slot. frame None is a sounding probe without payload."""

    slot: SlotNumber
    frame: Number | None
    slot_tick: Tick  # first tick of the slot; bursts start guard_samples later
    csi: CsiReport | None
    lost_users: list[UserIndex] = []
    last_attempt: bool = True  # False: a slot whose users do not arrive together is granted again


class Sent(Message, frozen=True):
    """What a transmitter put on the air. Attachments: original RGB uint8 [H, W, 3], symbols complex64 [k]."""

    slot: SlotNumber
    frame: Number | None
    user: UserIndex
    picture: Number = 0
    image_id: str = ""
    height: Side = 0
    width: Side = 0
    original_height: Number = 0
    original_width: Number = 0
    n_symbols: Number = 0
    csi_slot: SlotNumber | None = None
    csi_age_s: float | None = None
    precorrection_hz: float = 0.0
    papr_db: float = 0.0
    latency_ms: dict[str, float] = {}
    events: dict[str, int] = {}


class Link(Message, frozen=True):
    """Ground truth of one simulated link during one burst; see radio.air for the definition of H(f)."""

    user: UserIndex
    burst_start_tick: Tick
    cfo_hz: float
    clock_ppm: float
    delay_samples: float
    tap_delays_samples: list[float]
    tap_gains: list[list[tuple[float, float]]]  # [antennas][taps] (re, im)
    noise_power: float


class Truth(Message, frozen=True):
    """The simulated air's ground truth for one slot, for scoring only."""

    links: list[Link]


class FrameDone(Message, frozen=True):
    """The receiver has decoded and recorded a frame."""

    frame: Number
    images_decoded: Number


class NodeLost(Message, frozen=True):
    """A node fell silent or left; the others go on where they can."""

    role: str
    user: UserIndex | None
    reason: str


class Heartbeat(Message, frozen=True):
    """Sent both ways; a side that hears none for `node_timeout_s` takes the other for dead."""

    now_tick: Tick = 0


class Stop(Message, frozen=True):
    """The run is over. complete False: `reason` says why."""

    complete: bool
    reason: str


class Bye(Message, frozen=True):
    """A node leaves on purpose; a reason means that it failed."""

    reason: str = ""


Body = Hello | Refused | Start | Grant | Sent | CsiReport | Truth | FrameDone | NodeLost | Heartbeat | Stop | Bye


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """version: PROTOCOL_VERSION; sender: node id; sequence grows by one per sender; sent_unix_s: wall clock."""

    version: int
    sender: str
    sequence: int
    sent_unix_s: float
    body: Body


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Envelope)


def encode(envelope: Envelope) -> bytes:
    """Pack an envelope for the first frame of a message."""
    return _encoder.encode(envelope)


def decode(data: bytes) -> Envelope:
    """Unpack and check an envelope. Raises ValueError with what is wrong with it."""
    if len(data) > MAX_BODY_BYTES:
        raise ValueError(f"body of {len(data)} bytes, at most {MAX_BODY_BYTES} are allowed")
    try:
        envelope = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ValueError(str(error)) from None
    if envelope.version != PROTOCOL_VERSION:
        raise ValueError(f"protocol version {envelope.version}, this node speaks {PROTOCOL_VERSION}")
    return envelope
