"""One user's payload out of the sum, where the payloads may end at different symbols."""

from collections.abc import Sequence

import numpy as np

from radio.waveform.equalizer import lmmse_weights
from radio.waveform.grid import ResourceGrid
from radio.waveform.straightening import straightened_uses


def separate(
    received: np.ndarray,
    channels: np.ndarray,
    lengths: Sequence[int],
    user: int,
    noise_power: float,
    grid: ResourceGrid,
    delay_samples: np.ndarray,
    phase_rad: np.ndarray,
    k: int,
) -> np.ndarray:
    """LMMSE view of one user's k channel uses: complex64 [k].

    received: complex64 [antennas, symbols, active]; channels: complex64 [users, antennas, active]; lengths: OFDM
    symbols of each user's payload, after which it counts as absent; user: index into channels; delay_samples,
    phase_rad: float [symbols], to be undone for this user.
    """
    symbols = received.shape[1]
    edges = sorted({0, symbols, *(min(length, symbols) for length in lengths)})
    weights = []
    for begin in edges[:-1]:
        present = np.array([length > begin for length in lengths], np.float32)
        weights.append(lmmse_weights(channels * present[:, None, None], noise_power)[user])
    return straightened_uses(received, np.stack(weights), delay_samples, phase_rad, grid, np.diff(edges), k)
