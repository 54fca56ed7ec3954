"""Timing advance: a burst is transmitted earlier by the delay it would arrive with.

Where bursts are timed the whole ticks go into the burst's time and the fraction is reported (the prefix absorbs it).
Where a buffer is repeated for ever it is rotated instead.
"""

import numpy as np

from calibration.loops.loop import Loop
from calibration.loops.tracker import TrackerConfig

TARGET = 1 / 8  # of the cyclic prefix


class TimingLoop(Loop):
    """command: samples of advance, fractional; ticks is what a timed burst can have."""

    def __init__(self, sample_rate_hz: float, cp_samples: int, clock_deviation_ppm: float = 0.0) -> None:
        """clock_deviation_ppm: how far the clocks that time the bursts may run apart; 0 where they are one clock."""
        drift = clock_deviation_ppm * 1e-6 * sample_rate_hz
        config = TrackerConfig(
            tolerance=TARGET * cp_samples / 4,
            rate_deviation=max(drift, 1e-3),
            rate_walk=0.1e-6 / 60 * sample_rate_hz,
            value_walk=0.02,
            worst_deviation=cp_samples / 2,
        )
        super().__init__(config)

    @property
    def ticks(self) -> int:
        return round(self.command)

    @property
    def fraction(self) -> float:
        """What the whole ticks leave, -0.5 to 0.5 samples."""
        return self.command - self.ticks


def rotate(buffer: np.ndarray, advance_ticks: int) -> np.ndarray:
    """A repeated buffer complex64 [n], so that every repetition starts advance_ticks earlier."""
    return np.roll(buffer, -advance_ticks)
