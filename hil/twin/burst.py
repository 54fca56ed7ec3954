"""One slot as the fit sees it: what the receiver says of every user, and plainer views of the same samples."""

from dataclasses import dataclass

import numpy as np

from calibration.measure.users import UserMeasurement, measure_user
from hil.session.slot import Slot
from radio.samples import Samples
from radio.waveform.acquisition.carrier import known_symbol_starts, observe
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.windows import backoff_samples, symbol_bins
from radio.waveform.reception.frame import ReceivedUser
from radio.waveform.reception.receiver import BurstReceiver


@dataclass(frozen=True)
class Track:
    """A user's known symbols (preamble, sounding, a header that was read), in which it is alone, one entry each.

    times_s: float [m] of their windows. phasors: complex128 [m], the channel in them over the mean channel, carrier
    undone: 1 is no change. variance: of a phasor's error, from the noise.
    """

    times_s: np.ndarray
    phasors: np.ndarray
    variance: float


@dataclass(frozen=True)
class UserView:
    """One user of one slot. measured: by the receiver, with what the transmitter had corrected still to be added.
    clock_ppm: from the payload's timing, None without one.

    channel: complex128 [antennas, active], least squares over preamble and sounding in windows that lie the same in
    every slot, so that phases over frequency tell delays from the slot's expected tick (plus `backoff_samples`).
    variance: of one of its values. track: through the whole training.
    """

    user: int
    header_read: bool
    clock_ppm: float | None
    measured: UserMeasurement
    precorrection_hz: float
    channel: np.ndarray
    variance: float
    track: Track


@dataclass(frozen=True)
class BurstView:
    """tick: where bursts were expected. noise_power: per channel use, as the receiver found it."""

    tick: int
    noise_power: float
    users: dict[int, UserView]


def view_burst(receiver: BurstReceiver, slot: Slot, samples: Samples) -> BurstView | None:
    """A slot's samples (front-end errors taken out) as views; None when no user is detected."""
    expected = slot.burst_tick
    frame = receiver.receive(samples, expected)
    if frame is None:
        return None
    users = {}
    for found in frame.users:
        measured = measure_user(frame, found.user, expected, receiver.config)
        if measured is None or not found.detected:
            continue
        sent = slot.sent.get(found.user)
        corrected_hz = sent.precorrection_hz if sent else 0.0
        seen, starts = _training(receiver.grid, samples, found, expected)
        if starts.size < 2:
            continue
        noise = frame.noise_power / float(receiver.grid.training_boost) ** 2
        channel, track = _channel_and_track(receiver.grid, seen, starts, noise)
        variance = noise / starts.size
        clock_ppm = found.clock_ppm if found.alignment is not None else None
        users[found.user] = UserView(
            found.user, found.header_read, clock_ppm, measured, corrected_hz, channel, variance, track
        )
    return BurstView(expected, frame.noise_power, users)


def silence(slot: Slot, samples: Samples) -> np.ndarray:
    """complex64 [antennas, n]: the slot before any burst can begin, interpolators' ringing included."""
    end = slot.start.guard_samples - min(64, slot.start.guard_samples // 2)
    return samples.data[:, :end]


def _training(
    grid: ResourceGrid, samples: Samples, found: ReceivedUser, expected: int
) -> tuple[np.ndarray, np.ndarray]:
    """Channel in every known symbol complex64 [antennas, m, active], and where their windows start, int [m]."""
    begin = expected - samples.start_tick + grid.preamble_start(found.user)
    preamble, sounding = known_symbol_starts(grid, found.user, begin)
    seen, starts = observe(samples.data, grid, found.user, preamble, sounding, found.cfo_hz, begin)
    if not found.header_read or found.header is None:
        return seen, starts
    config = grid.config
    first = begin - grid.preamble_start(found.user) - backoff_samples(grid) + grid.header_start(found.user)
    headers = grid.window_starts(first, config.header_symbols)
    if headers[-1] + config.fft_size > samples.n_samples:
        return seen, starts
    bins = symbol_bins(samples.data, grid, headers, found.cfo_hz, begin)
    read = bins * (np.conj(grid.header(found.header)) / grid.training_boost**2)
    return np.concatenate([seen, read], axis=1), np.concatenate([starts, headers])


def _channel_and_track(
    grid: ResourceGrid, seen: np.ndarray, starts: np.ndarray, noise: float
) -> tuple[np.ndarray, Track]:
    """The mean channel complex128 [antennas, active] and what every symbol is over it. noise: of a value of `seen`."""
    channel = seen.mean(axis=1).astype(np.complex128)
    energy = max(float(np.sum(np.abs(channel) ** 2)), 1e-300)
    phasors = np.einsum("amf,af->m", seen, np.conj(channel)) / energy
    return channel, Track(starts / grid.config.sample_rate_hz, phasors, noise / energy)
