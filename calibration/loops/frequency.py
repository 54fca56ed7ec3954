"""Frequency pre-correction: the transmitter shifts its signal by minus the offset that the receiver measures."""

import numpy as np

from calibration.loops.loop import Loop
from calibration.loops.tracker import TrackerConfig

RESIDUAL = 0.002  # of the subcarrier spacing: the target
DRIFT_PPM_PER_S = 0.1 / 60
CHANGE_S = 60.0  # over which a crystal's drift takes a new value


class FrequencyLoop(Loop):
    """command: Hz to subtract from the transmitter's carrier."""

    def __init__(self, center_frequency_hz: float, subcarrier_spacing_hz: float) -> None:
        drift = 2 * DRIFT_PPM_PER_S * 1e-6 * center_frequency_hz  # both oscillators
        config = TrackerConfig(
            tolerance=RESIDUAL * subcarrier_spacing_hz / 2,
            rate_deviation=drift,
            rate_walk=drift / np.sqrt(CHANGE_S),
            value_walk=1e-9 * center_frequency_hz,
            worst_deviation=0.1 * subcarrier_spacing_hz,
        )
        super().__init__(config)


def precorrect(burst: np.ndarray, correction_hz: float, sample_rate_hz: float) -> np.ndarray:
    """complex64 [n] turned by -correction_hz, phase 0 at its first sample; complex64 [n]."""
    turns = np.arange(burst.size) * (correction_hz / sample_rate_hz)
    return np.asarray(burst * np.exp(-2j * np.pi * (turns - np.floor(turns))), np.complex64)
