"""Every user of a burst, by its preamble: one says where the burst is, and the others are looked for there."""

from dataclasses import replace

import numpy as np

from radio.waveform.acquisition.carrier import refine_carrier
from radio.waveform.acquisition.gate import repetition
from radio.waveform.acquisition.hypotheses import Acquisition
from radio.waveform.acquisition.loud_preamble import acquire_loud, repeats_wrong
from radio.waveform.acquisition.search import acquire, acquire_anywhere, acquire_near
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.quality.slips import training_slips
from radio.waveform.reception.presence import is_present, power_floor
from radio.waveform.reception.user import Reception
from radio.waveform.tracking.steady import steady_mean
from radio.waveform.tracking.straightening import ramps

Hits = list[Acquisition | None]  # of each user


def find_users(data: np.ndarray, grid: ResourceGrid, expected: int | None, search: int) -> list[Reception]:
    """Every user whose preamble is heard in complex64 [antennas, n].

    expected: sample at which the burst should start, give or take `search`; None: anywhere. The strongest preamble says
    where the burst is. Users that belong to it are looked for there again, which hears them under a deeper fade, and
    where another's preamble cannot be mistaken for theirs.
    """
    starts, hits = [grid.preamble_start(user) for user in range(grid.config.users)], None
    if expected is None:
        expected, hits = _anywhere(data, grid)
        search = max(search, grid.config.cp_samples)
    if expected is not None:
        places = [expected + start for start in starts]
        hits = [acquire(data, grid, user, place - search, place + search) for user, place in enumerate(places)]
    assert hits is not None
    heard = sorted(((hit.energy, user) for user, hit in enumerate(hits) if hit), reverse=True)
    for _, strongest in heard:  # what repeats most may be no user
        hits[strongest] = hit = _by_whole_repeats(data, grid, strongest, hits[strongest])
        assert hit is not None
        floor = power_floor(data, grid, hit.start)
        anchor = hit.start - starts[strongest]
        found = [_believed(data, grid, user, hit, anchor, floor) for user, hit in enumerate(hits)]
        if any(one and one.user == strongest for one in found):
            return [one for one in found if one]
    return []


def _anywhere(data: np.ndarray, grid: ResourceGrid) -> tuple[int | None, Hits | None]:
    """Where a burst begins whose preamble and sounding were heard; without one, what was heard of every user.

    A loud preamble is sought first, whosever it is. To search everywhere for one that is not takes long, and is done
    for one user after the other until a burst has shown where it is.
    """
    users = range(grid.config.users)
    length = grid.config.preamble_repeats * grid.config.fft_size
    starts = data.shape[1] - length + 1
    if starts <= 0:
        return None, [None for _ in users]
    repeated = repetition(data, grid.config)
    loud = [acquire_loud(data, grid, user, 0, starts, repeated) for user in users]
    for user in sorted(users, key=lambda user: -(hit.energy if (hit := loud[user]) else 0.0)):
        origin = _origin(data, grid, user, loud[user])
        if origin is not None:
            return origin, None
    for user in users:
        if loud[user] is None:
            loud[user] = acquire_anywhere(data, grid, user)
            origin = _origin(data, grid, user, loud[user])
            if origin is not None:
                return origin, None
    return None, loud


def _origin(data: np.ndarray, grid: ResourceGrid, user: int, hit: Acquisition | None) -> int | None:
    """Where the burst begins that a hit belongs to; None where its sounding cannot be heard."""
    hit = _by_whole_repeats(data, grid, user, hit)
    one = _measured(data, grid, user, hit)
    if hit is None or one is None:
        return None
    present = is_present(data, grid, one, power_floor(data, grid, hit.start), near=False)
    return one.origin if present else None


def _believed(
    data: np.ndarray, grid: ResourceGrid, user: int, hit: Acquisition | None, anchor: int, floor: float
) -> Reception | None:
    """What a user's hit, or a second search where the burst begins at anchor, shows; None when nobody is there.

    floor: see `presence`.
    """
    place, reach = anchor + grid.preamble_start(user), grid.config.cp_samples
    if hit is not None and abs(hit.start - place) > min(reach, grid.config.fft_size // 2):
        hit = _by_whole_repeats(data, grid, user, hit)
    near = hit is not None and abs(hit.start - place) <= reach
    one = _measured(data, grid, user, hit)
    if one and is_present(data, grid, one, floor, near):
        return one
    if near:
        return None
    again = _measured(data, grid, user, acquire_near(data, grid, user, place - reach, place + reach, floor))
    return again if again and is_present(data, grid, again, floor, near=True) else None


def _by_whole_repeats(data: np.ndarray, grid: ResourceGrid, user: int, hit: Acquisition | None) -> Acquisition | None:
    """The hit at the start that its sounding confirms: a long prefix holds whole repeats of the preamble too."""
    if hit is None:
        return None
    return replace(hit, start=hit.start + repeats_wrong(data, grid, user, hit) * grid.config.fft_size)


def _measured(data: np.ndarray, grid: ResourceGrid, user: int, hit: Acquisition | None) -> Reception | None:
    if hit is None:
        return None
    cfo_hz, observations, times = refine_carrier(data, grid, user, hit.start, hit.cfo_hz, hit.reach_hz)
    if observations.shape[1] < 2:
        return None
    origin = hit.start - grid.preamble_start(user)
    mean = steady_mean(observations, np.zeros(times.size), grid)
    late = training_slips(observations, grid.config.fft_size, mean.noise_power)
    if late.any():
        observations = observations * ramps(late, np.zeros(late.size), grid)
        mean = steady_mean(observations, np.zeros(times.size), grid)
    return Reception(user, origin, cfo_hz, observations, times, mean)
