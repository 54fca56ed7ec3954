"""Where a payload's symbols lie: windows, phase and timing followed through the burst."""

from dataclasses import dataclass, replace

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.quality.disturbance import Disturbance
from radio.waveform.quality.pilots import PilotView, view_pilots
from radio.waveform.reception.user import Reception
from radio.waveform.tracking.known_elements import known_phasors
from radio.waveform.tracking.moving_channel import MovingChannel
from radio.waveform.tracking.tracker import Track, track

RETIME_SAMPLES = 0.5  # drift over a burst above which FFT windows follow the clock
LARGEST_CUT = 0.5  # of a payload's symbols: with more missing nothing is made of it


@dataclass(frozen=True)
class Course:
    """What happened to a payload's symbols, float64 and int [symbols]: trusted, 0 to 1, as far as its pilots may say
    something about the others' phase; gain, amplitude over that of the training; late_samples, whole samples; gone,
    bool, nothing of the user is there."""

    trusted: np.ndarray
    gain: np.ndarray
    late_samples: np.ndarray
    gone: np.ndarray

    @classmethod
    def undisturbed(cls, symbols: int) -> "Course":
        return cls(np.ones(symbols), np.ones(symbols), np.zeros(symbols, int), np.zeros(symbols, bool))

    @property
    def gain_steps(self) -> int:
        """How often the gain changes."""
        return 0 if (self.gain == 1).all() else int(np.count_nonzero(np.diff(self.gain, prepend=1.0)))

    def slipped_samples(self, erased: np.ndarray) -> int:
        """By how many samples in all the timing jumps, outside symbols that are erased, bool [symbols]."""
        if not self.late_samples.any():
            return 0
        return int(np.abs(np.diff(self.late_samples[~erased], prepend=0)).sum())


@dataclass(frozen=True)
class Laid:
    """bins: complex64 [antennas, symbols, active], gain undone; starts: FFT windows, sample indices; delay_samples,
    phase_rad: float [symbols], to be undone in these windows; pilots: what is seen of the user's own; beyond: symbols
    at the end that the samples do not reach, which are 0."""

    bins: np.ndarray
    starts: np.ndarray
    delay_samples: np.ndarray
    phase_rad: np.ndarray
    track: Track
    pilots: PilotView
    beyond: int


@dataclass(frozen=True)
class Followed:
    """A payload as it was followed, what disturbs it, and what happened to it. leaked: power of others' payloads beside
    their subcarriers; moving: where its channel moved."""

    laid: Laid
    seen: Disturbance
    course: Course
    heard: bool
    leaked: float
    moving: MovingChannel | None = None

    def behind(self, before: int) -> "Followed":
        """The same without its first `before` symbols; of the pilots' view, which is of all of them, as it is."""
        if before == 0:
            return self
        laid, seen, course = self.laid, self.seen, self.course
        later = slice(before, None)
        bins = np.ascontiguousarray(laid.bins[:, later])
        cut = replace(
            laid,
            bins=bins,
            starts=laid.starts[later],
            delay_samples=laid.delay_samples[later],
            phase_rad=laid.phase_rad[later],
            beyond=min(laid.beyond, bins.shape[1]),
        )
        of_seen = Disturbance(seen.power[later], seen.hit[later], seen.erased[later])
        of_course = Course(course.trusted[later], course.gain[later], course.late_samples[later], course.gone[later])
        return replace(self, laid=cut, seen=of_seen, course=of_course)


def lay(data: np.ndarray, grid: ResourceGrid, one: Reception, noise_power: float, course: Course) -> Laid | None:
    """One user's payload; None when the samples end before 1 - LARGEST_CUT of it has come."""
    assert one.channel is not None
    first = one.symbol_index(grid, grid.payload_start)
    starts = _starts(grid, one, course)
    bins, beyond = payload_bins(data, grid, one, starts)
    if bins is None:
        return None
    if (course.gain != 1).any():
        bins = bins / course.gain.astype(np.float32)[:, None]
    followed = _follow(bins, grid, one, first, noise_power, course.trusted)
    return _laid(data, grid, one, bins, starts, beyond, followed, course.gain, one.white(one.channel))


def lay_moving(data: np.ndarray, grid: ResourceGrid, one: Reception, moving: MovingChannel) -> Laid:
    """The whole payload where its channel went."""
    course = Course.undisturbed(int(moving.lengths.sum()))
    starts = _starts(grid, one, course)
    bins, beyond = payload_bins(data, grid, one, starts)
    assert bins is not None
    return _laid(data, grid, one, bins, starts, beyond, moving.track, course.gain, one.white(moving.each()))


def _laid(
    data: np.ndarray,
    grid: ResourceGrid,
    one: Reception,
    bins: np.ndarray,
    starts: np.ndarray,
    beyond: int,
    followed: Track,
    gain: np.ndarray,
    channel: np.ndarray,
) -> Laid:
    """Windows moved after the clock, and what the pilots show in them."""
    first = one.symbol_index(grid, grid.payload_start)
    drift = followed.delay_samples[first:]
    if max(abs(float(drift[0])), abs(float(drift[-1]))) > RETIME_SAMPLES:  # it is even
        moved = np.round(drift).astype(int)
        late = moved != 0
        late[moved.size - beyond :] = False
        retimed = one.white_bins(data, grid, (starts + moved)[late])
        if retimed is not None:
            bins[:, late] = retimed / gain[late].astype(np.float32)[:, None]
            moved[~late] = 0
            drift, starts = drift - moved, starts + moved
    phase = followed.phase_rad[first:]
    pilots = view_pilots(bins, grid, one.user, channel, drift, phase)
    return Laid(bins, starts, drift, phase, followed, pilots, beyond)


def untracked_pilots(data: np.ndarray, grid: ResourceGrid, one: Reception, late: np.ndarray) -> PilotView | None:
    """The pilots in windows that only `late` samples, int [symbols], and the clock seen in the training have moved."""
    assert one.channel is not None
    course = replace(Course.undisturbed(late.size), late_samples=late)
    bins, _ = payload_bins(data, grid, one, _starts(grid, one, course))
    if bins is None:
        return None
    symbols = one.symbol_index(grid, grid.payload_start) + np.arange(late.size) - one.channel_symbol(grid)
    drift = -one.clock * symbols * grid.symbol_samples
    return view_pilots(bins, grid, one.user, one.white(one.channel), drift, np.zeros(late.size))


def _starts(grid: ResourceGrid, one: Reception, course: Course) -> np.ndarray:
    return one.window_starts(grid, grid.payload_start, course.late_samples.size) + course.late_samples


def payload_bins(
    data: np.ndarray, grid: ResourceGrid, one: Reception, starts: np.ndarray
) -> tuple[np.ndarray | None, int]:
    """Symbols as of `Reception.bins`, and how many at the end the samples do not reach; None where too many."""
    whole = one.white_bins(data, grid, starts)
    if whole is not None:
        return whole, 0
    there = int(np.count_nonzero(starts + grid.config.fft_size <= data.shape[1]))
    seen = one.white_bins(data, grid, starts[:there]) if there >= (1 - LARGEST_CUT) * starts.size else None
    if seen is None:
        return None, starts.size
    beyond = starts.size - there
    return np.pad(seen, ((0, 0), (0, beyond), (0, 0))), beyond


def _follow(
    bins: np.ndarray, grid: ResourceGrid, one: Reception, first: int, noise_power: float, trusted: np.ndarray
) -> Track:
    """Add the payload's pilots to the known symbols and track."""
    assert one.phasors is not None and one.channel is not None
    n_symbols = bins.shape[1]
    positions, values = grid.pilot_positions(n_symbols)[one.user], grid.pilot_values(one.user, n_symbols)
    lower, upper, energy, seen_power = known_phasors(bins, one.white(one.channel), positions, values)
    # Far apart in carrier, the others' payloads fall on these pilots: trust them as far as their power allows.
    pilots = positions.size * len(bins)
    surplus = (seen_power - float(energy.sum())) / pilots
    trust = noise_power / max(surplus, noise_power)
    one.phasors.put(first, lower, upper, energy, weight=trust * trusted)
    return track(one.phasors, grid, noise_power, one.carrier_std_hz(grid, noise_power))
