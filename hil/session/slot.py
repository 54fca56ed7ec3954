"""One slot of a run as the receiver node knows it."""

from dataclasses import dataclass, field

import numpy as np

from hil.bus.messages import CsiReport, Grant, Link, Sent, Start
from radio.samples import Samples
from radio.waveform.reception.frame import ReceivedFrame


@dataclass
class Slot:
    """All that is known about one slot: what was granted, sent, true and received."""

    grant: Grant
    start: Start
    received: ReceivedFrame | None = None
    csi: CsiReport | None = None
    samples: Samples | None = None
    sent: dict[int, Sent] = field(default_factory=dict)
    originals: dict[int, np.ndarray] = field(default_factory=dict)  # uint8 [H, W, 3]
    symbols: dict[int, np.ndarray] = field(default_factory=dict)  # complex64 [k]
    links: dict[int, Link] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    latency_ms: dict[str, float] = field(default_factory=dict)
    ready_s: float | None = None  # time.perf_counter() when its samples were there

    def ground_truth_here(self, users: int, with_air: bool) -> bool:
        """Everything that the living transmitters and the air had to say about this slot."""
        alive = set(range(users)) - set(self.grant.lost_users)
        return alive <= set(self.sent) and (not with_air or alive <= set(self.links))
