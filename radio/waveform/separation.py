"""One user's payload out of the sum, where the payloads may end at different symbols."""

import itertools
from collections.abc import Sequence

import numpy as np

from radio.waveform.equalizer import lmmse_weights
from radio.waveform.grid import ResourceGrid
from radio.waveform.straightening import straighten


def separate(
    received: np.ndarray,
    channels: np.ndarray,
    lengths: Sequence[int],
    user: int,
    noise_power: float,
    grid: ResourceGrid,
    delay_samples: np.ndarray,
    phase_rad: np.ndarray,
) -> np.ndarray:
    """LMMSE view of one user: complex64 [symbols, active].

    received: complex64 [antennas, symbols, active]; channels: complex64 [users, antennas, active]; lengths: OFDM
    symbols of each user's payload, after which it counts as absent; user: index into channels; delay_samples,
    phase_rad: float [symbols], to be undone for this user.
    """
    symbols = received.shape[1]
    parts = []
    edges = sorted({0, symbols, *(min(length, symbols) for length in lengths)})
    for begin, end in itertools.pairwise(edges):
        present = np.array([length > begin for length in lengths], np.float32)
        weights = lmmse_weights(channels * present[:, None, None], noise_power)[user]
        part = slice(begin, end)
        parts.append(straighten(received[:, part], weights, delay_samples[part], phase_rad[part], grid))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
