"""One slot of a run as the receiver node knows it."""

import math
from dataclasses import dataclass, field

import numpy as np

from hil.bus.messages import CsiReport, Grant, Link, Sent, Start
from radio.samples import Samples
from radio.waveform.acquisition.tones import Tone
from radio.waveform.burst.header import FrameHeader, Kind
from radio.waveform.reception.frame import ReceivedFrame

NOT_SENT = {"late", "unled"}  # events of a burst that never was on the air, which knows nothing of it


@dataclass
class Slot:
    """All that is known about one slot: what was granted, sent, true and received.

    csi: measured in this slot. encoder_csi: what this slot's encoders were told, which is older (see `CsiPath`).
    Of a burst with several pictures `sent`, `originals` and `symbols` hold all of them; `burst.several.pictures_of`
    makes a slot of each, whose `place` is its own and whose `burst` is the whole.
    """

    grant: Grant
    start: Start
    received: ReceivedFrame | None = None
    csi: CsiReport | None = None
    encoder_csi: CsiReport | None = field(default=None, kw_only=True)
    samples: Samples | None = None
    powers: np.ndarray | None = None  # float [users, parts], see `BurstReceiver.receive`
    sent: dict[int, Sent] = field(default_factory=dict)
    originals: dict[int, np.ndarray] = field(default_factory=dict)  # as `original_of` has them
    place: int = 0
    burst: "Slot | None" = None
    symbols: dict[int, np.ndarray] = field(default_factory=dict)  # complex64 [k]
    links: dict[int, Link] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    tones: tuple[Tone, ...] = ()  # that the receiver took out of its samples
    latency_ms: dict[str, float] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)  # users whose transmitters were lost before they had sent
    ready_s: float | None = None  # time.perf_counter() when its samples were there
    heard_s: float | None = (
        None  # the same, and stays so: `ready_s` is moved by what no receiver in the field waits for
    )

    @property
    def burst_tick(self) -> int:
        """Where this slot's bursts are expected to begin at the receiver."""
        return burst_tick(self.grant, self.start)

    def told_headers(self) -> dict[int, FrameHeader]:
        """The headers of this slot's pictures as its transmitters told them over the bus, by user."""
        return {user: header_of(sent) for user, sent in self.sent.items() if sent.frame is not None}

    def alive(self, users: int) -> set[int]:
        """Users who may be heard in this slot."""
        return set(range(users)) - set(self.grant.lost_users) - self.lost - self.ended

    @property
    def ended(self) -> set[int]:
        """Users who had no picture left to send."""
        return {user for user, sent in self.sent.items() if sent.ended is not None}

    def ground_truth_here(self, users: int, with_air: bool) -> bool:
        """Everything that the living transmitters and the air had to say about this slot."""
        alive = self.alive(users)
        sounded = {user for user in alive & set(self.sent) if not self.sent[user].events.keys() & NOT_SENT}
        return alive <= set(self.sent) and (not with_air or sounded <= set(self.links))


def burst_tick(grant: Grant, start: Start) -> int:
    """The tick at which a slot's bursts leave, before any timing advance."""
    return grant.slot_tick + start.guard_samples


def header_of(sent: Sent) -> FrameHeader:
    """The header of the burst that a transmitter told of."""
    if sent.frame is None:
        return FrameHeader.probe(sent.user)
    kind: Kind = "content" if sent.form else "image"
    height, width, k = sent.height, sent.width, sent.n_symbols
    pictures = 1 + len(sent.behind)
    return FrameHeader(sent.frame, sent.user, kind, height, width, k, sent.picture, sent.bits_symbols, pictures)


def original_of(sent: Sent, content: bytes | memoryview) -> np.ndarray | None:
    """What was sent: uint8 [H, W, 3] of a picture, float32 of its form of another modality, [pictures, ...] of several;
    None: another size."""
    kind, form = (np.dtype("<f4"), sent.form) if sent.form else (np.dtype(np.uint8), [sent.height, sent.width, 3])
    form = [1 + len(sent.behind), *form] if sent.behind else form
    if len(content) != kind.itemsize * math.prod(form):
        return None
    return np.frombuffer(content, kind).reshape(form)
