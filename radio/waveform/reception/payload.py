"""A user's payload: follow its phase and timing, undo them, take its view of the superposition."""

from dataclasses import dataclass

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.reception.elements import BLOCK_SYMBOLS
from radio.waveform.reception.moving_separation import separate_moving
from radio.waveform.reception.separation import separate
from radio.waveform.reception.user import Reception
from radio.waveform.tracking.tracker import Track

RETIME_SAMPLES = 0.5  # drift over a burst above which FFT windows follow the clock


@dataclass(frozen=True)
class Payload:
    """features: complex64 [k]; track: phase and timing; starts: FFT windows, sample indices.

    delay_samples, phase_rad: float [symbols], what was undone in these windows.
    """

    features: np.ndarray
    track: Track
    starts: np.ndarray
    delay_samples: np.ndarray
    phase_rad: np.ndarray


def receive_payload(
    data: np.ndarray,
    grid: ResourceGrid,
    one: Reception,
    found: list[Reception],
    noise_power: float,
    silent: frozenset[int] = frozenset(),
) -> Payload | None:
    """One user's payload; None when the samples end before it does. silent: users whose payload has been cancelled."""
    assert one.header is not None
    n_symbols = grid.payload_symbols(one.header.n_symbols)
    first = one.symbol_index(grid, grid.payload_start)
    starts = one.window_starts(grid, grid.payload_start, n_symbols)
    bins, followed = one.payload_bins, one.track
    if bins is None or followed is None:
        return None
    drift = followed.delay_samples[first:]
    if max(abs(float(drift[0])), abs(float(drift[-1]))) > RETIME_SAMPLES:  # it is even
        moved = np.round(drift).astype(int)
        late = moved != 0
        retimed = one.bins(data, grid, (starts + moved)[late])
        if retimed is not None:
            bins[:, late] = retimed
            drift, starts = drift - moved, starts + moved
    phase = followed.phase_rad[first:]
    features = _features(bins, grid, one, found, noise_power, silent, drift, phase)
    return Payload(features, followed, starts, drift, phase)


def _features(
    bins: np.ndarray,
    grid: ResourceGrid,
    one: Reception,
    found: list[Reception],
    noise_power: float,
    silent: frozenset[int],
    delay_samples: np.ndarray,
    phase_rad: np.ndarray,
) -> np.ndarray:
    """Features complex64 [k] of one user; others count only where their payloads last."""
    assert one.header is not None
    k, n_symbols = one.header.n_symbols, bins.shape[1]
    lengths = [grid.payload_symbols(f.header.n_symbols) if f.header else n_symbols for f in found]
    lengths = [0 if f.user in silent else length for f, length in zip(found, lengths, strict=True)]
    index = [f.user for f in found].index(one.user)
    arguments = lengths, index, noise_power, grid, delay_samples, phase_rad, k
    if any(f.moving is not None for f in found):
        features = separate_moving(bins, [f.gains for f in found], BLOCK_SYMBOLS, *arguments)
    else:
        features = separate(bins, np.stack([f.channel for f in found if f.channel is not None]), *arguments)
    return features * grid.scramble_signs(k) if grid.config.scramble else features
