"""A user's payload: follow its phase and timing, undo them, take its view of the superposition."""

from dataclasses import dataclass

import numpy as np

from radio.waveform.grid import ResourceGrid
from radio.waveform.reception import Reception
from radio.waveform.separation import separate
from radio.waveform.tracking import Track, track

RAMP_STEP = 16  # subcarriers
RETIME_SAMPLES = 0.5  # drift over a burst above which FFT windows follow the clock


@dataclass(frozen=True)
class Payload:
    """features: complex64 [k]; track: phase and timing; starts: FFT windows, sample indices; ramps: see `Alignment`."""

    features: np.ndarray
    track: Track
    starts: np.ndarray
    ramps: np.ndarray


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
    bins = one.bins(data, grid, starts)
    if bins is None:
        return None
    followed = _follow(bins, grid, one, first, noise_power)
    drift = followed.delay_samples[first:]
    moved = np.round(drift).astype(int)
    if np.abs(drift).max() > RETIME_SAMPLES and np.any(moved):
        retimed = one.bins(data, grid, starts + moved)
        if retimed is not None:
            bins, drift, starts = retimed, drift - moved, starts + moved
    ramps = _ramps(drift, followed.phase_rad[first:], grid)
    return Payload(_features(bins * ramps, grid, one, found, noise_power, silent), followed, starts, ramps)


def _ramps(delay_samples: np.ndarray, phase_rad: np.ndarray, grid: ResourceGrid) -> np.ndarray:
    """exp(j (2 pi f delay - phase)) for every symbol and subcarrier: complex64 [symbols, active].

    A ramp is a coarse one times a fine one, which spares most of the exponentials.
    """
    half = grid.config.active_subcarriers // 2
    step = 2 * np.pi * delay_samples[:, None] / grid.config.fft_size
    coarse = np.exp(1j * (step * np.arange(-half, half + 1, RAMP_STEP) - phase_rad[:, None])).astype(np.complex64)
    fine = np.exp(1j * step * np.arange(RAMP_STEP)).astype(np.complex64)
    ramps = (coarse[:, :, None] * fine[:, None]).reshape(len(step), -1)
    return np.concatenate([ramps[:, :half], ramps[:, half + 1 : 2 * half + 1]], axis=1)


def _follow(bins: np.ndarray, grid: ResourceGrid, one: Reception, first: int, noise_power: float) -> Track:
    """Add the payload's pilots to the known symbols and track."""
    assert one.phasors is not None and one.channel is not None
    n_symbols = bins.shape[1]
    positions = grid.pilot_positions(n_symbols)[one.user]
    seen = np.take_along_axis(bins, np.broadcast_to(positions, (len(bins), *positions.shape)), axis=2)
    expected = one.channel[:, positions] * grid.pilot_values(one.user, n_symbols)
    # Far apart in carrier, the others' payloads fall on these pilots: trust them as far as their power allows.
    surplus = float(np.mean(np.abs(seen) ** 2) - np.mean(np.abs(expected) ** 2))
    trust = np.float32(np.sqrt(noise_power / max(surplus, noise_power)))
    upper = positions >= grid.config.active_subcarriers // 2
    one.phasors.add(first, trust * seen, trust * expected, upper)
    return track(one.phasors, grid, noise_power, one.carrier_std_hz(grid, noise_power))


def _features(
    bins: np.ndarray,
    grid: ResourceGrid,
    one: Reception,
    found: list[Reception],
    noise_power: float,
    silent: frozenset[int],
) -> np.ndarray:
    """Features complex64 [k] of one user; others count only where their payloads last."""
    assert one.header is not None
    k, n_symbols = one.header.n_symbols, bins.shape[1]
    lengths = [grid.payload_symbols(f.header.n_symbols) if f.header else n_symbols for f in found]
    lengths = [0 if f.user in silent else length for f, length in zip(found, lengths, strict=True)]
    channels = np.stack([f.channel for f in found if f.channel is not None])
    elements = separate(bins, channels, lengths, [f.user for f in found].index(one.user), noise_power)
    features = grid.demap_payload(elements, k)
    return features * grid.scramble_signs(k) if grid.config.scramble else features
