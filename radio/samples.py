"""Samples that carry their time, and the events that a radio reports about them."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


@dataclass(frozen=True)
class Samples:
    """A run of complex baseband samples.

    data: complex64 [channels, n], full scale 1.0.
    start_tick: time of data[:, 0] in ticks of the sample clock (1 tick = 1 / sample_rate_hz).
    """

    data: np.ndarray
    start_tick: int
    sample_rate_hz: float

    def __post_init__(self) -> None:
        if self.data.ndim != 2:
            raise ValueError(f"Samples.data must be [channels, n], got shape {self.data.shape}")

    @property
    def n_samples(self) -> int:
        return int(self.data.shape[1])

    @property
    def end_tick(self) -> int:
        """First tick after the last sample."""
        return self.start_tick + self.n_samples


class EventKind(StrEnum):
    OVERFLOW = "overflow"
    UNDERFLOW = "underflow"
    LATE = "late"
    CLIPPED = "clipped"
    LOST_LOCK = "lost_lock"
    LOST_LINK = "lost_link"
    SEQUENCE_ERROR = "sequence_error"
    INTERFERENCE = "interference"


@dataclass(frozen=True)
class RadioEvent:
    """Something a radio did that the caller must be able to count.

    count: how many samples (overflow, underflow, clipped) or bursts (late) are meant; 1 where nobody knows.
    lost_link: the connection to the device broke and was made again. sequence_error: a packet went missing.
    interference: a tone was taken out of `count` samples, at frequency_hz from the carrier and of that power, in the
    samples' own units.
    """

    kind: EventKind
    tick: int
    count: int = 1
    frequency_hz: float | None = None
    power: float | None = None
