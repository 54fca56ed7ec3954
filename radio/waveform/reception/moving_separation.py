"""`separation` where channels move: other weights in every block of a few symbols."""

from collections.abc import Sequence

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.reception.equalizer import lmmse_weights
from radio.waveform.tracking.straightening import straightened_uses


def separate_moving(
    received: np.ndarray,
    channels: Sequence[np.ndarray],
    block_symbols: int,
    lengths: Sequence[int],
    user: int,
    noise_power: float,
    grid: ResourceGrid,
    delay_samples: np.ndarray,
    phase_rad: np.ndarray,
    k: int,
) -> np.ndarray:
    """As `separate`. channels: complex64 [antennas, blocks, active] of each user, the last block of a user holding on;
    block_symbols: that a block lasts."""
    symbols = received.shape[1]
    inner = (min(length, symbols) for length in lengths)
    edges = np.array(sorted({0, symbols, *range(0, symbols, block_symbols), *inner}))
    blocks = edges[:-1] // block_symbols
    each = [one[:, np.minimum(blocks, one.shape[1] - 1)] for one in channels]
    present = np.array([[length > begin for begin in edges[:-1]] for length in lengths], np.float32)
    gains = np.stack(each) * present[:, None, :, None]
    users, antennas, parts, active = gains.shape
    weights = lmmse_weights(gains.reshape(users, antennas, parts * active), noise_power)[user]
    weights = np.ascontiguousarray(weights.reshape(antennas, parts, active).swapaxes(0, 1))
    return straightened_uses(received, weights, delay_samples, phase_rad, grid, np.diff(edges), k)
