"""One user's carrier offset: from its preamble and sounding, coarse to fine (see `carrier_likelihood`)."""

import math
from functools import lru_cache

import numpy as np

from radio import acceleration
from radio.waveform.acquisition.carrier_likelihood import carrier_residual_hz, turn_symbols
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.windows import backoff_samples, symbol_bins
from radio.waveform.config import WaveformConfig

UNAMBIGUOUS = 0.35  # of one over the time from the first known symbol to the last


def known_symbol_starts(grid: ResourceGrid, user: int, start: int) -> tuple[np.ndarray, np.ndarray]:
    """Window starts int [repeats] of the preamble and int [sounding_symbols] of the sounding.

    start: sample index of the user's first preamble symbol on its strongest path.
    """
    starts = start + _training_windows(grid.config, user)
    return starts[: grid.config.preamble_repeats], starts[grid.config.preamble_repeats :]


@lru_cache(maxsize=16)
def _training_windows(config: WaveformConfig, user: int) -> np.ndarray:
    """int [preamble_repeats + sounding_symbols]: window starts after the user's first preamble symbol."""
    grid = ResourceGrid(config)
    preamble = np.arange(config.preamble_repeats) * config.fft_size
    sounding = np.arange(config.sounding_symbols) * grid.symbol_samples
    first = grid.sounding_start(user) + config.cp_samples - grid.preamble_start(user)
    return np.concatenate([preamble, first + sounding]) - backoff_samples(grid)


def observe(
    samples: np.ndarray,
    grid: ResourceGrid,
    user: int,
    preamble: np.ndarray,
    sounding: np.ndarray,
    cfo_hz: float,
    origin: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Channel seen in each known symbol, complex64 [antennas, m, active], and window starts [m] inside the samples."""
    return _observed(samples, grid, user, np.concatenate([preamble, sounding]), cfo_hz, origin)


def _observed(
    samples: np.ndarray, grid: ResourceGrid, user: int, starts: np.ndarray, cfo_hz: float, origin: float
) -> tuple[np.ndarray, np.ndarray]:
    """`observe` at ascending starts."""
    known = _undoing(grid.config, user)[: starts.size]
    if starts[0] < 0 or starts[-1] + grid.config.fft_size > samples.shape[1]:
        inside = (starts >= 0) & (starts + grid.config.fft_size <= samples.shape[1])
        starts, known = starts[inside], known[inside]
    seen = symbol_bins(samples, grid, starts, cfo_hz, origin)
    seen *= known
    return seen, starts


@lru_cache(maxsize=16)
def _undoing(config: WaveformConfig, user: int) -> np.ndarray:
    """complex64 [preamble and sounding symbols, active]: what divides the known symbols out."""
    grid = ResourceGrid(config)
    return np.conj(grid.training(user)) / grid.training_boost**2


def refine_carrier(
    samples: np.ndarray, grid: ResourceGrid, user: int, start: int, coarse_hz: float, reach_hz: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """Offset in Hz, channel observations complex64 [antennas, m, active] with it undone, and their starts [m].

    coarse_hz: within plus and minus reach_hz. Where preamble and sounding together would be ambiguous over that, the
    preamble alone goes first (unambiguous within half a subcarrier). Symbols outside the samples are left out.
    """
    config = grid.config
    rate = config.sample_rate_hz
    starts = start + _training_windows(config, user)
    unambiguous_hz = UNAMBIGUOUS * rate / float(starts[-1] - starts[0])
    cfo_hz = coarse_hz
    if reach_hz > unambiguous_hz:
        seen, inside = _observed(samples, grid, user, starts[: config.preamble_repeats], coarse_hz, start)
        cfo_hz += carrier_residual_hz(seen, config, inside, reach_hz, config.subcarrier_spacing_hz / 128)
    seen, starts = _observed(samples, grid, user, starts, cfo_hz, start)
    width_hz = UNAMBIGUOUS * rate / float(starts[-1] - starts[0])
    residual_hz = carrier_residual_hz(seen, config, starts, width_hz, width_hz / 18)
    turn_symbols(seen, residual_hz / rate, starts - start)
    return cfo_hz + residual_hz, seen, starts


def carrier_bound_hz(times_s: np.ndarray, snr: float, values: int) -> float:
    """Cramer-Rao bound (standard deviation, Hz) for known symbols of `values` elements each at times_s.

    snr: linear, per element. Each symbol's phase has Fisher information 2 snr values.
    """
    return 1 / math.sqrt((2 * math.pi) ** 2 * max(2 * snr * values * _spread(times_s), 1e-300))


@acceleration.compiled
def _spread(times_s: np.ndarray) -> float:
    """Sum of the squared deviations from the mean."""
    centred = times_s - times_s.sum() / times_s.size
    return float((centred * centred).sum())
