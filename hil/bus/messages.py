"""What travels on the bus: typed, versioned messages (msgpack through msgspec, never pickle).

On the wire a message is two or more ZeroMQ frames: the packed `Envelope`, then the binary attachments that the body
names (pictures, symbols) as raw frames, so that large arrays are neither encoded nor copied.
"""

from typing import Any

import msgspec

from hil.bus.bounds import (
    Advance,
    BitsSymbols,
    Form,
    Number,
    Pictures,
    Protected,
    Side,
    SlotNumber,
    Tick,
    UserIndex,
)
from hil.bus.parts import Capture as Capture
from hil.bus.parts import ItemRuns, SentItems
from hil.bus.shared_by import SharedBy

PROTOCOL_VERSION = 4
MAX_BODY_BYTES = 1 << 20
MAX_ATTACHMENTS = 8


class Message(msgspec.Struct, tag=True, frozen=True, forbid_unknown_fields=True):
    """Base of every bus message; the class name is the tag on the wire."""


class Hello(Message, frozen=True):
    """A node joins (and joins again whenever the coordinator seems to have forgotten it)."""

    role: str  # "tx", "rx", "air" or "observer"
    user: UserIndex | None
    process_id: int
    config_digest: str
    now_tick: Tick = 0
    max_burst_samples: Number = 0  # longest burst that a transmitter will send
    pictures: Number = 0  # how many pictures a transmitter has
    sizes: ItemRuns = []  # of its items, frame by frame, again and again; none where nobody asks for several a burst
    repeats: bool = False  # a transmitter whose radio cannot send at a time, but repeats its burst
    carrier_start_hz: float = 0.0  # offset against the receiver that a transmitter's calibration tells
    lowest_gain_db: float = 0.0  # how far a transmitter's gain can go down from the configured one
    live: bool = False  # a transmitter's pictures come by themselves, as a camera's


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
    power_db: float = 0.0  # received, per channel use
    cfo_std_hz: float = 0.0  # standard uncertainties; 0: not known, the loops do not use it
    arrival_std_samples: float = 0.0
    power_std_db: float = 0.0
    response: bytes = b""  # complex64 [antennas, places] of `session.responses`, over noise of unit power; or nothing


class CsiReport(Message, frozen=True):
    """What the receiver measured in one slot. `now_tick` is its radio's time when it reported."""

    slot: SlotNumber
    frame: Number | None
    measured_tick: Tick
    now_tick: Tick
    snr_db: float | None  # total over users; None when nothing was found
    users: list[UserCsi]


class UserCommand(Message, frozen=True):
    """What the coordinator's loops have one transmitter do. gain_db: on top of the configured gain, at most 0.

    frequency, timing, power: the loops' states.
    """

    user: UserIndex
    correction_hz: float = 0.0
    advance_ticks: Advance = 0
    gain_db: float = 0.0
    silent: bool = False  # send nothing: somebody else is being looked for
    frequency: str = ""
    timing: str = ""
    power: str = ""


class Grant(Message, frozen=True):
    """Transmit (and receive) in this slot. frame None is a sounding probe without payload."""

    slot: SlotNumber
    frame: Number | None
    slot_tick: Tick  # first tick of the slot; bursts start guard_samples later
    csi: CsiReport | None
    lost_users: list[UserIndex] = []
    last_attempt: bool = True  # False: a slot whose users do not arrive together is granted again
    commands: list[UserCommand] = []
    sharing: SharedBy | None = None  # None: as configured
    bits_symbols: BitsSymbols = 0  # OFDM symbols of protected bits before the picture's, for each of several
    short: bool = False  # less training (see `WaveformConfig.shortened`)
    pictures: Pictures = 1  # that the burst has of every user: of frames `frame`, `frame` + 1 and so on


class Sent(Message, frozen=True):
    """What a transmitter put on the air. Attachments: the original, symbols complex64 [k].

    The original is RGB uint8 [height, width, 3], or, where `form` has dimensions, float32 of another modality;
    height and width are what its header carries. Of a burst with several pictures both attachments hold all, one after
    the other, and n_symbols counts those of all; behind: what is each later one's own. capture: of a live picture.
    ended: why none came or will.
    """

    slot: SlotNumber
    frame: Number | None
    user: UserIndex
    picture: Number = 0
    image_id: str = ""
    form: Form = []
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
    advance_ticks: Advance = 0
    gain_db: float = 0.0
    loops: dict[str, str] = {}
    capture: Capture | None = None
    ended: str | None = None
    bits_symbols: BitsSymbols = 0
    protected: Protected = b""  # what they carry
    behind: SentItems = []


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
    """The receiver has decoded and recorded a frame, but for the users who could not send and may do so again."""

    frame: Number
    images_decoded: Number
    again: list[UserIndex] = []


class Forgotten(Message, frozen=True):
    """To a node that the coordinator does not count in (any more): it says Hello again where it wants to be."""


class NodeLost(Message, frozen=True):
    """A node fell silent or left; the others go on where they can."""

    role: str
    user: UserIndex | None
    reason: str


class Heartbeat(Message, frozen=True):
    """Sent both ways; a side that hears none for `node_timeout_s` takes the other for dead.

    clock_s: the sender's monotonic clock. The coordinator's also has what it heard last from this node, and how long it
    has kept that: the exchange of RFC 5905, figure 2 (see `bus.clock`).
    """

    now_tick: Tick = 0
    clock_s: float | None = None
    echo_s: float | None = None
    held_s: float | None = None


class Stop(Message, frozen=True):
    """The run is over. complete False: `reason` says why."""

    complete: bool
    reason: str


class Bye(Message, frozen=True):
    """A node leaves on purpose; a reason means that it failed."""

    reason: str = ""


class Watched(Message, frozen=True):
    """To the receiver, with every heartbeat while somebody looks on: publish telemetry for a little longer."""


class NodeHealth(Message, frozen=True):
    """One node as the coordinator sees it. state: "here", "missing" (has not joined yet) or "lost"."""

    name: str
    role: str
    user: UserIndex | None
    state: str
    silent_s: float | None  # since its last message
    now_tick: Tick = 0


class Event(Message, frozen=True):
    """Something worth a line: number counts a run's events from 1."""

    number: Number
    unix_s: float
    text: str


class RunFacts(Message, frozen=True):
    """To an observer that has joined. run: new with every coordinator; config: RunConfig as JSON values."""

    run: str
    config: dict[str, Any]
    frames_to_send: Number


class Overview(Message, frozen=True):
    """To observers, at most ten times a second. state: "waiting", "running", "finished" or "stopped".

    frames_done counts those of this coordinator; sent and csi are the newest; events are those since the last overview.
    """

    state: str
    reason: str
    slot: SlotNumber | None
    frame: Number | None
    frames_done: Number
    nodes: list[NodeHealth]
    sent: list[Sent]
    csi: CsiReport | None
    events: list[Event]
    malformed: Number
    sharing: SharedBy | None = None


class PictureFacts(Message, frozen=True):
    """How one user's picture of one frame came out: the columns of its ResultRow that a live view shows."""

    frame: Number
    user: UserIndex
    decoded: bool
    reason: str | None
    image_id: str
    psnr_db: float | None
    ssim: float | None
    ideal_psnr_db: float | None
    latency_ms: float
    events: dict[str, int]
    age_ms: float | None = None  # of a video's picture when it was shown
    score: str = ""  # of another modality with its name and unit, or what a generated picture is judged by
    caption: str | None = None
    caption_received: str | None = None
    bits_delivered: bool | None = None  # None: the burst had no protected bits


class UserTelemetry(Message, frozen=True):
    """What the receiver saw of one user in one slot.

    constellation: float16 little-endian I and Q in turn, unit mean power; response_db: float16, lowest frequency first;
    attachment: which one holds its original and received picture (JPEG), the first original_bytes the original.
    """

    user: UserIndex
    detected: bool
    reason: str | None
    constellation: bytes
    response_db: bytes
    evm_db: float | None = None
    snr_db: float | None = None
    picture_frame: Number | None = None
    attachment: UserIndex | None = None
    original_bytes: Number = 0
    payload_sinr_db: float | None = None


class Telemetry(Message, frozen=True):
    """From the receiver while it is watched, at most ten a second: the newest slot, and every picture since the last.

    spectrum_db: float16 [bins], lowest frequency first, full scale 0 dB.
    """

    slot: SlotNumber
    frame: Number | None
    snr_db: float | None
    spectrum_db: bytes
    users: list[UserTelemetry]
    pictures: list[PictureFacts]


Body = (
    Hello
    | Refused
    | Start
    | Grant
    | Sent
    | CsiReport
    | Truth
    | FrameDone
    | Forgotten
    | NodeLost
    | Heartbeat
    | Stop
    | Bye
    | Watched
    | RunFacts
    | Overview
    | Telemetry
)


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
