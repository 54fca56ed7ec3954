"""Is somebody there: one test for every hit, which knows what other users and tones can look like.

A hit at a start d with carrier f is looked at again, coherently, in the user's preamble and in its sounding:

    T = sum_antennas |sum_m c(d + place_m) exp(-j 2 pi f place_m / f_s)|^2 / (symbols E_s P),   P: mean power there

Under noise both are Gamma(antennas); with a user, one is about so many times the other as it has more symbols. What
else passes for a preamble has no sounding:

- a hit that is not where the burst has its slot for it may be the correlation of another user's preamble with this
  one's: it must show its sounding;
- a tone has one subcarrier of energy in common with any known symbol: neither part becomes large (see FLOOR);
- whatever is in the preamble so loudly that its sounding could not be missed must show it.
"""

import math
from functools import lru_cache

import numpy as np
import scipy.special

from radio.waveform.acquisition.matching import matched, preamble_symbol, sounding_symbol
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.reception.user import Reception

FALSE_SOUNDING = 1e-6  # that the sounding of an absent user seems to be there
FALSE_PRESENCE = 1e-8  # that noise at one place does, in preamble and sounding together
VISIBLE_DEVIATIONS = 2.5  # of the sounding's amplitude: one so far above its threshold is not missed
FLOOR = 2e-4  # of the loudest user's power: what its edges spread into silent slots is not white


def power_floor(data: np.ndarray, grid: ResourceGrid, start: int) -> float:
    """Power below which nothing is measured beside a preamble that starts at `start` of complex64 [antennas, n]."""
    under = data[:, start : start + grid.config.preamble_repeats * grid.config.fft_size]
    return FLOOR * float(np.vdot(under, under).real) / max(under.size, 1)


def is_present(data: np.ndarray, grid: ResourceGrid, one: Reception, floor: float, near: bool) -> bool:
    """Whether a user that was found in complex64 [antennas, n] is there.

    floor: see `power_floor`; near: the hit is where the burst's other users say.
    """
    config, antennas = grid.config, len(data)
    preamble, sounding = evidence(data, grid, one, floor)
    if sounding is None:
        return near and preamble > _least(FALSE_PRESENCE, antennas)
    needed = config.sounding_symbols * _least(FALSE_SOUNDING, antennas)  # another's sounding repeats as well
    if sounding > needed:
        return True
    expected = preamble * config.sounding_symbols / config.preamble_repeats
    visible = (math.sqrt(needed) + VISIBLE_DEVIATIONS) ** 2
    return near and expected < visible and preamble + sounding > _least(FALSE_PRESENCE, 2 * antennas)


def evidence(data: np.ndarray, grid: ResourceGrid, one: Reception, floor: float) -> tuple[float, float | None]:
    """T of preamble and of sounding; None for a sounding that is not wholly in the samples."""
    config, start = grid.config, one.phase_origin(grid)
    repeats = start + np.arange(config.preamble_repeats) * config.fft_size
    first = one.origin + grid.sounding_start(one.user) + config.cp_samples
    soundings = first + np.arange(config.sounding_symbols) * grid.symbol_samples
    preamble = _part(data, grid, one, repeats, preamble_symbol(config, one.user), floor)
    if soundings[-1] + config.fft_size > data.shape[1]:
        return preamble, None
    return preamble, _part(data, grid, one, soundings, sounding_symbol(config, one.user), floor)


def _part(
    data: np.ndarray, grid: ResourceGrid, one: Reception, starts: np.ndarray, symbol: np.ndarray, floor: float
) -> float:
    """T of a symbol that is repeated at starts."""
    cycles = one.cfo_hz / grid.config.sample_rate_hz
    found = matched(data, starts, symbol, cycles, float(one.phase_origin(grid))).sum(axis=1)
    power = 0.0
    for start in starts:
        under = data[:, max(start, 0) : start + symbol.size]
        power += float(np.vdot(under, under).real)
    power = max(power / (len(data) * starts.size * symbol.size), floor, 1e-30)
    return float(np.vdot(found, found).real) / (starts.size * grid.config.active_subcarriers * power)


@lru_cache(maxsize=32)
def _least(probability: float, dimensions: int) -> float:
    """What Gamma(dimensions) exceeds with this probability."""
    return float(scipy.special.gammainccinv(dimensions, probability))
