"""Whether a user's channel moves during its burst, and where it goes if it does.

Three things are held against each other by their evidence: a channel that stands, seen through the oscillators' phase
as it was tracked; one that moves, with that phase undone or with its mean slope alone (where one path moves, the
tracked phase is the path's own). The sample clock and that slope are likeliest together with the motion: what follows
them without knowing of it takes moving paths for a drift.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from radio import acceleration
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.channel.delay_prior import delay_prior
from radio.waveform.reception.elements import LOOK_SYMBOLS, AtomSums, KnownElements
from radio.waveform.reception.laying import Laid
from radio.waveform.reception.user import Reception
from radio.waveform.tracking.agreement import agreement, agreement_compiled
from radio.waveform.tracking.clock import CLOCK_PRIOR_PPM
from radio.waveform.tracking.motion import Motion, likeliest_motion, moved
from radio.waveform.tracking.moving_channel import MovingChannel
from radio.waveform.tracking.tracker import Track
from radio.waveform.tracking.wiener_phase import wiener_smoothed, wiener_smoothed_compiled

MOST_ATOMS = 24
SUSPICIOUS = 4.0  # standard deviations by which neighbouring pilots agree more than chance
TRAINING_PRICE, PAYLOAD_PRICE = 2.0, 0.5  # log evidence that a phase fitted to each symbol brings by itself
FINEST_DRIFT_SAMPLES = 0.03  # over the burst, to which the clock is found
LARGEST_STEP_PPM = 16.0
HALVINGS = 5


@dataclass(frozen=True)
class _Tried:
    """A motion with what was undone for it: clock, relative; slope_hz, beside `phase` float64 [symbols]."""

    motion: Motion
    clock: float
    slope_hz: float
    value: float


def moving_channel(
    data: np.ndarray, grid: ResourceGrid, one: Reception, track: Track, noise_power: float
) -> MovingChannel | None:
    """None for a channel that stands. track: phase and timing as they look if it does."""
    assert one.channel is not None and one.header is not None
    first, clock = one.symbol_index(grid, grid.payload_start), track.clock_ppm * 1e-6
    starts = one.window_starts(grid, grid.payload_start, grid.payload_symbols(one.header.n_symbols))
    bins = one.bins(data, grid, starts)
    if bins is None:
        return None
    elements, phase = KnownElements.of(grid, one, bins), track.phase_rad[first:]
    training, _ = elements.undone(clock, np.zeros(elements.training_at.size), phase)
    variance = noise_power / float(grid.training_boost) ** 2
    atoms = delay_prior(elements.looks(), grid.config, variance / LOOK_SYMBOLS, MOST_ATOMS)
    sums = AtomSums(elements, atoms, variance)
    own = np.angle(np.einsum("af,amf->m", one.channel.conj(), training))
    price = TRAINING_PRICE * own.size + PAYLOAD_PRICE * phase.size
    still_sums = sums.of(*elements.undone(clock, own, phase))
    still, wandering = moved(still_sums, 0.0), likeliest_motion(still_sums)
    sloped = _sloped(elements, sums, (clock, one.clock, 0.0), track.frequency_hz)
    if max(wandering.evidence - price, sloped.value) < still.evidence - price:
        return None
    if wandering.evidence - price > sloped.value:
        return _described(elements, one, track, atoms, wandering, clock, phase, track.frequency_hz)
    slope = 2 * np.pi * sloped.slope_hz / grid.config.sample_rate_hz * elements.payload_at
    return _described(elements, one, track, atoms, sloped.motion, sloped.clock, slope, sloped.slope_hz)


def moves(grid: ResourceGrid, one: Reception, laid: Laid) -> bool:
    """Whether pilots of neighbouring symbols differ in the same way from a channel that stands."""
    assert one.channel is not None
    n_symbols, steps = laid.starts.size, 2 * np.pi / grid.config.fft_size * laid.delay_samples
    positions, values = grid.pilot_positions(n_symbols)[one.user], grid.pilot_values(one.user, n_symbols)
    look = agreement_compiled if acceleration.NUMBA else agreement
    return bool(look(laid.bins, one.white(one.channel), positions, values, steps) > SUSPICIOUS)


def _sloped(elements: KnownElements, sums: AtomSums, clocks: tuple[float, ...], slope_hz: float) -> _Tried:
    """The likeliest motion, clock and mean slope of the phase, climbed from the best of `clocks`."""
    rate_hz = elements.grid.config.sample_rate_hz

    def tried(clock: float, slope_hz: float, doppler_hz: float | None = None) -> _Tried:
        turn = 2 * np.pi * slope_hz / rate_hz
        undone = sums.of(*elements.undone(clock, turn * elements.training_at, turn * elements.payload_at))
        motion = likeliest_motion(undone) if doppler_hz is None else moved(undone, doppler_hz)
        return _Tried(motion, clock, slope_hz, motion.evidence - 0.5 * (clock * 1e6 / CLOCK_PRIOR_PPM) ** 2)

    best = max((tried(clock, slope_hz) for clock in set(clocks)), key=lambda one: one.value)
    span = float(elements.payload_at[-1] - elements.training_at[0])
    finest = min(FINEST_DRIFT_SAMPLES / span, LARGEST_STEP_PPM * 1e-6)
    best = _climbed(
        best,
        min(finest * 2**HALVINGS, LARGEST_STEP_PPM * 1e-6),
        finest,
        lambda at, step: tried(at.clock + step, at.slope_hz, at.motion.doppler_hz),
    )
    if best.motion.doppler_hz > 0:
        coarse_hz = best.motion.doppler_hz / 2
        best = _climbed(
            best, coarse_hz, coarse_hz / 4, lambda at, step: tried(at.clock, at.slope_hz + step, at.motion.doppler_hz)
        )
    return max(best, tried(best.clock, best.slope_hz), key=lambda one: one.value)


def _climbed(best: _Tried, step: float, finest: float, moved_by: Callable[[_Tried, float], _Tried]) -> _Tried:
    """Uphill in steps that are halved from `step` to `finest`."""
    while step >= finest:
        beside = max((moved_by(best, sign * step) for sign in (-1, 1)), key=lambda one: one.value)
        if beside.value > best.value:
            best = beside
        else:
            step /= 2
    return best


def _described(
    elements: KnownElements,
    one: Reception,
    track: Track,
    atoms: np.ndarray,
    motion: Motion,
    clock: float,
    phase: np.ndarray,
    slope_hz: float,
) -> MovingChannel:
    """The channel block by block, and the phase that its pilots still show beside its own motion."""
    grid, rate_hz = elements.grid, elements.grid.config.sample_rate_hz
    gains = motion.gains(atoms, elements.by_block(elements.payload_at) / rate_hz)
    each = np.repeat(gains, elements.lengths, axis=1)
    expected = np.take_along_axis(each, np.broadcast_to(elements.positions, elements.pilots.shape), axis=2)
    _, pilots = elements.undone(clock, np.zeros(elements.training_at.size), phase)
    energy = np.einsum("amp,amp->m", expected, expected.conj()).real.astype(np.float64) * grid.config.users
    common = np.einsum("amp,amp->m", pilots, expected.conj()).astype(complex)
    smooth = wiener_smoothed_compiled if acceleration.NUMBA else wiener_smoothed
    first = one.symbol_index(grid, grid.payload_start)
    whole, delay = track.phase_rad.copy(), track.delay_samples.copy()
    whole[first:], delay[first:] = phase + smooth(common, energy), -clock * elements.payload_at
    track = Track(whole, delay, slope_hz, clock * 1e6)
    values = motion.gains(atoms, np.zeros(1))[:, 0]
    return MovingChannel(gains, elements.lengths, track, values, motion.error_variance(atoms, 0.0), motion.doppler_hz)
