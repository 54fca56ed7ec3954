"""One user's payload out of the sum, where the payloads may end at different symbols."""

from collections.abc import Sequence

import numpy as np

from radio import acceleration
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.reception.equalizer import lmmse_weights
from radio.waveform.tracking.straightening import straightened_uses


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
    present = [[length > begin for length in lengths] for begin in edges[:-1]]
    weigh = _weights_compiled if acceleration.NUMBA and len(received) == 1 else _weights
    weights = weigh(channels, np.array(present, np.float32), user, noise_power)
    return straightened_uses(received, weights, delay_samples, phase_rad, grid, np.diff(edges), k)


def _weights(channels: np.ndarray, present: np.ndarray, user: int, noise_power: float) -> np.ndarray:
    """The user's weights complex64 [parts, antennas, active] where users are present, float32 [parts, users] 0 or 1."""
    return np.stack([lmmse_weights(channels * row[:, None, None], noise_power)[user] for row in present])


@acceleration.compiled
def _weights_compiled(channels: np.ndarray, present: np.ndarray, user: int, noise_power: float) -> np.ndarray:
    """The same with one antenna."""
    users, _, active = channels.shape
    weights = np.empty((present.shape[0], 1, active), np.complex64)
    for part in range(present.shape[0]):
        total = np.full(active, np.float32(noise_power))
        for other in range(users):
            if present[part, other] > 0:
                for i in range(active):
                    g = channels[other, 0, i]
                    total[i] += g.real * g.real + g.imag * g.imag
        for i in range(active):
            weights[part, 0, i] = channels[user, 0, i] * (present[part, user] / total[i])
    return weights
