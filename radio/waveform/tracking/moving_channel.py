"""What is known of a channel that moved while a burst went through it."""

from dataclasses import dataclass

import numpy as np

from radio.waveform.tracking.tracker import Track


@dataclass(frozen=True)
class MovingChannel:
    """gains: complex64 [antennas, blocks, active], each for the next lengths int [blocks] symbols of payload, as seen
    with `track` undone. values, error_variance: at the middle of the training, as of `estimate_channel`."""

    gains: np.ndarray
    lengths: np.ndarray
    track: Track
    values: np.ndarray
    error_variance: float
    doppler_hz: float

    def each(self) -> np.ndarray:
        """complex64 [antennas, symbols, active]."""
        return np.repeat(self.gains, self.lengths, axis=1)
