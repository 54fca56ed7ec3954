"""One user's payload out of the sum, where the payloads may end at different symbols."""

import itertools
from collections.abc import Sequence

import numpy as np

from radio.waveform.equalizer import lmmse_weights


def separate(
    received: np.ndarray, channels: np.ndarray, lengths: Sequence[int], user: int, noise_power: float
) -> np.ndarray:
    """LMMSE view of one user: complex64 [symbols, active].

    received: complex64 [antennas, symbols, active], already aligned to that user; channels: complex64 [users,
    antennas, active]; lengths: OFDM symbols of each user's payload, after which it counts as absent; user: index
    into channels.
    """
    symbols = received.shape[1]
    elements = np.empty(received.shape[1:], np.complex64)
    edges = sorted({0, symbols, *(min(length, symbols) for length in lengths)})
    for begin, end in itertools.pairwise(edges):
        present = np.array([length > begin for length in lengths])
        weights = lmmse_weights(channels * present[:, None, None], noise_power)[user]
        elements[begin:end] = np.sum(np.conj(weights)[:, None] * received[:, begin:end], axis=0)
    return elements
