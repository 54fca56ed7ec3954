"""Receiving a slot that its transmitters repeat: any period will do, once all of them send the slot's content."""

import math
from collections.abc import Sequence

import numpy as np

from hil.bus.messages import UserCsi
from hil.config import RunConfig
from hil.session.rotation import wrapped
from radio.device import Radio
from radio.samples import Samples
from radio.waveform.acquisition.search import acquire
from radio.waveform.burst.grid import ResourceGrid

ALIGNED_SAMPLES = 8  # beyond this users do not fit into one cyclic prefix; see WaveformConfig.cp_samples


def receive_repeated(config: RunConfig, radio: Radio, period: int) -> Samples:
    """Two periods, from a whole multiple of the period on, after what is in the radios' buffers has passed."""
    settle = math.ceil(config.radio.settle_s * config.sample_rate_hz)
    first = -(-(radio.now_tick() + settle) // period) * period
    timeout_s = config.bus.frame_timeout_s
    return radio.receive(first, 2 * period, timeout_s=timeout_s)


def one_period(samples: Samples, period: int) -> Samples:
    """The first of two periods."""
    return Samples(samples.data[:, :period], samples.start_tick, samples.sample_rate_hz)


def find_arrivals(grid: ResourceGrid, samples: Samples, period: int, guard: int) -> list[UserCsi]:
    """Every user's arrival, in samples from where a burst of the slot should begin, from its preamble alone.

    samples: two periods, so that each preamble is somewhere whole. Carrier offsets are too coarse here to be used.
    """
    found = []
    data = np.nan_to_num(samples.data)
    for user in range(grid.config.users):
        preamble = grid.preamble_start(user)
        hit = acquire(data, grid, user, 0, period - 1)
        if hit is not None:
            arrival = wrapped(hit.start - preamble - guard, period)
            found.append(UserCsi(user, math.nan, 0.0, 1.0, 0.0, 0.0, arrival_samples=arrival))
    return found


def aligned(arrivals: Sequence[UserCsi]) -> bool:
    """Whether all users that were found are close enough to be received together."""
    return bool(arrivals) and all(abs(user.arrival_samples) <= ALIGNED_SAMPLES for user in arrivals)
