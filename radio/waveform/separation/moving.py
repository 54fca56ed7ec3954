"""`still` where channels move: other weights in every block of a few symbols."""

from collections.abc import Sequence

import numpy as np

from radio.waveform.separation.equalizer import lmmse_weights_of
from radio.waveform.separation.still import View, sinr_left, unexplained


def moving_view(
    channels: Sequence[np.ndarray],
    block_symbols: int,
    lengths: Sequence[int],
    user: int,
    disturbed: np.ndarray,
    leaked: float = 0.0,
    least: float = 0.0,
) -> View:
    """As `view_of`. channels: complex64 [antennas, blocks, active] of each user, the last block of a user holding on;
    block_symbols: that a block lasts."""
    symbols = disturbed.size
    noise_power = unexplained(disturbed, leaked, least)
    changes = (1 + np.flatnonzero(noise_power[1:] != noise_power[:-1])).tolist()
    inner = (min(length, symbols) for length in lengths)
    edges = np.array(sorted({0, symbols, *range(0, symbols, block_symbols), *changes, *inner}))
    blocks = edges[:-1] // block_symbols
    each = [one[:, np.minimum(blocks, one.shape[1] - 1)] for one in channels]
    present = np.array([[length > begin for begin in edges[:-1]] for length in lengths], np.float32)
    gains = np.stack(each) * present[:, None, :, None]
    users, antennas, parts, active = gains.shape
    # Over the root of its noise power, every part has noise of unit power.
    scale = (1 / np.sqrt(noise_power[edges[:-1]])).astype(np.float32)[:, None]
    scaled = (gains * scale).reshape(users, antennas, parts * active)
    weights = lmmse_weights_of(scaled, 1.0, user).reshape(antennas, parts, active) * scale
    taken = np.einsum("apf,apf->pf", weights.conj(), gains[user]).real
    return View(np.ascontiguousarray(weights.swapaxes(0, 1)), np.diff(edges), sinr_left(taken))
