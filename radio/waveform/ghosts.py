"""Telling a user from the correlation of another user's strong preamble, or of noise, with that user's preamble."""

import numpy as np

from radio.waveform.config import WaveformConfig
from radio.waveform.delay_basis import conjugate_delay_basis
from radio.waveform.reception import Reception

GHOST_COHERENCE = 0.25  # independent channels of some 30 dimensions exceed it once in 5000


def is_ghost(one: Reception, config: WaveformConfig) -> bool:
    """A user must show the same channel in its preamble and in its sounding, which a ghost does not.

    A ghost's sounding slot holds nothing of it, and its sounding is another sequence.
    """
    return _coherence(one, conjugate_delay_basis(config)) < GHOST_COHERENCE


def _coherence(one: Reception, basis: np.ndarray) -> float:
    """Squared correlation, 0 to 1, of the channels seen in the first and in the last known symbol(s)."""
    half = one.observations.shape[1] // 2
    first = (one.observations[:, :half].mean(axis=1) @ basis).reshape(-1)
    last = (one.observations[:, -2:].mean(axis=1) @ basis).reshape(-1)
    powers = float(np.vdot(first, first).real * np.vdot(last, last).real)
    return float(np.abs(np.vdot(first, last)) ** 2 / powers) if powers > 0 else 0.0
