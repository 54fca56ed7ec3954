"""Samples that carry their time, and the events that a radio reports about them."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

LARGEST = np.float32(1e9)  # full scale is 1; recordings of others may hold a converter's whole numbers


@dataclass(frozen=True)
class Samples:
    """Consecutive complex baseband samples.

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


def without_unusable(samples: Samples) -> tuple[Samples, int]:
    """Samples in which what is no number, or beyond LARGEST, is silence; and at how many times it was."""
    parts = samples.data.view(np.float32) if samples.data.flags.c_contiguous else None
    if parts is not None and np.all(np.abs(parts) <= LARGEST):  # the usual case, without a copy
        return samples, 0
    usable = (np.abs(samples.data.real) <= LARGEST) & (np.abs(samples.data.imag) <= LARGEST)
    data = np.where(usable, samples.data, np.complex64(0))
    return Samples(data, samples.start_tick, samples.sample_rate_hz), int(np.count_nonzero(~usable.all(axis=0)))


class EventKind(StrEnum):
    OVERFLOW = "overflow"
    UNDERFLOW = "underflow"
    LATE = "late"
    CLIPPED = "clipped"
    LOST_LOCK = "lost_lock"
    LOST_LINK = "lost_link"
    UNUSABLE = "unusable"
    SEQUENCE_ERROR = "sequence_error"
    INTERFERENCE = "interference"


@dataclass(frozen=True)
class RadioEvent:
    """An event of a radio, with a count.

    count: how many samples (overflow, underflow, clipped, unusable: no numbers) or bursts (late) are concerned; 1 where
    that is unknown.
    lost_link: the connection to the device broke and was made again. sequence_error: a packet went missing.
    interference: a tone was taken out of `count` samples, at frequency_hz from the carrier and of that power, in the
    samples' own units.
    """

    kind: EventKind
    tick: int
    count: int = 1
    frequency_hz: float | None = None
    power: float | None = None
