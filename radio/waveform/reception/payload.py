"""A user's payload: follow its phase and timing, undo them, take its view of the superposition."""

from dataclasses import dataclass

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.quality.disturbance import Disturbance, disturbance
from radio.waveform.quality.payload_quality import LEAST_ERROR, MOST_ERROR, PayloadQuality
from radio.waveform.quality.pilots import view_pilots
from radio.waveform.reception.separation import View, view_of
from radio.waveform.reception.user import Reception
from radio.waveform.tracking.known_elements import known_phasors
from radio.waveform.tracking.straightening import straightened_uses
from radio.waveform.tracking.tracker import Track, track

RETIME_SAMPLES = 0.5  # drift over a burst above which FFT windows follow the clock
LARGEST_CUT = 0.5  # of a payload's symbols: with more missing nothing is made of it


@dataclass(frozen=True)
class Payload:
    """features: complex64 [k]; track: phase and timing; starts: FFT windows, sample indices.

    delay_samples, phase_rad: float [symbols], what was undone in these windows. quality: what the pilots show.
    """

    features: np.ndarray
    track: Track
    starts: np.ndarray
    delay_samples: np.ndarray
    phase_rad: np.ndarray
    quality: PayloadQuality


def receive_payload(
    data: np.ndarray,
    grid: ResourceGrid,
    one: Reception,
    found: list[Reception],
    noise_power: float,
    silent: frozenset[int] = frozenset(),
) -> Payload | None:
    """One user's payload; None when the samples end before LARGEST_CUT of it has come. silent: users whose payload has been cancelled."""
    assert one.header is not None
    n_symbols = grid.payload_symbols(one.header.n_symbols)
    first = one.symbol_index(grid, grid.payload_start)
    starts = one.window_starts(grid, grid.payload_start, n_symbols)
    bins, beyond = _bins(data, grid, one, starts)
    if bins is None:
        return None
    followed = _follow(bins, grid, one, first, noise_power)
    drift = followed.delay_samples[first:]
    if max(abs(float(drift[0])), abs(float(drift[-1]))) > RETIME_SAMPLES:  # it is even
        moved = np.round(drift).astype(int)
        late = moved != 0
        retimed = one.bins(data, grid, (starts + moved)[late])
        if retimed is not None:
            bins[:, late] = retimed
            drift, starts = drift - moved, starts + moved
    phase = followed.phase_rad[first:]
    assert one.channel is not None
    seen = disturbance(view_pilots(bins, grid, one.user, one.channel, drift, phase), noise_power, beyond)
    view = _view(one, found, seen.power, grid, silent)
    features = straightened_uses(bins, view.weights, drift, phase, grid, view.lengths, one.header.n_symbols)
    if grid.config.scramble:
        features = features * grid.scramble_signs(features.size)
    return Payload(features, followed, starts, drift, phase, _quality(view, seen))


def _bins(
    data: np.ndarray, grid: ResourceGrid, one: Reception, starts: np.ndarray
) -> tuple[np.ndarray | None, int]:
    """The payload's symbols as of `Reception.bins`, and how many at its end the samples do not reach, which are 0."""
    whole = one.bins(data, grid, starts)
    if whole is not None:
        return whole, 0
    there = int(np.count_nonzero(starts + grid.config.fft_size <= data.shape[1]))
    if there < (1 - LARGEST_CUT) * starts.size:
        return None, starts.size
    seen = one.bins(data, grid, starts[:there])
    if seen is None:
        return None, starts.size
    return np.pad(seen, ((0, 0), (0, starts.size - there), (0, 0))), starts.size - there


def _follow(bins: np.ndarray, grid: ResourceGrid, one: Reception, first: int, noise_power: float) -> Track:
    """Add the payload's pilots to the known symbols and track."""
    assert one.phasors is not None and one.channel is not None
    n_symbols = bins.shape[1]
    positions, values = grid.pilot_positions(n_symbols)[one.user], grid.pilot_values(one.user, n_symbols)
    lower, upper, energy, seen_power = known_phasors(bins, one.channel, positions, values)
    # Far apart in carrier, the others' payloads fall on these pilots: trust them as far as their power allows.
    pilots = positions.size * len(bins)
    surplus = (seen_power - float(energy.sum())) / pilots
    trust = noise_power / max(surplus, noise_power)
    one.phasors.put(first, lower, upper, energy, weight=trust)
    return track(one.phasors, grid, noise_power, one.carrier_std_hz(grid, noise_power))


def _view(
    one: Reception, found: list[Reception], disturbed: np.ndarray, grid: ResourceGrid, silent: frozenset[int]
) -> View:
    """Weights of one user against disturbance float64 [symbols]; others count only where their payloads last."""
    lengths = [grid.payload_symbols(f.header.n_symbols) if f.header else disturbed.size for f in found]
    lengths = [0 if f.user in silent else length for f, length in zip(found, lengths, strict=True)]
    channels = np.stack([f.channel for f in found if f.channel is not None])
    return view_of(channels, lengths, [f.user for f in found].index(one.user), disturbed)


def _quality(view: View, seen: Disturbance) -> PayloadQuality:
    snr, sinr = (1 / np.clip(error, LEAST_ERROR, MOST_ERROR) - 1 for error in (view.quiet_error, view.error))
    return PayloadQuality(snr, sinr, seen.hit, seen.erased)
