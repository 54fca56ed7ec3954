"""Maximum-likelihood carrier offset from repeated known symbols through an unknown multipath channel.

With a_m the channel seen in known symbol m at time t_m, projected onto the delays that a cyclic prefix allows, the
likelihood of an offset f is monotone in (Rife and Boorstyn 1974, summed over the independent channel dimensions)

    J(f) = sum | sum_m a_m exp(-j 2 pi f t_m) |^2

The projection takes most of the noise out of the products that limit half-against-half correlators at low SNR. J
needs no more of the observations than their inner products: J(f) = sum_mn exp(-j 2 pi f (t_m - t_n)) <a_n, a_m>.
"""

import cmath
import math
from functools import lru_cache

import numpy as np

from radio import acceleration
from radio.waveform.config import WaveformConfig
from radio.waveform.delay_basis import conjugate_delay_basis
from radio.waveform.grid import ResourceGrid
from radio.waveform.periodogram import peak, peak_compiled
from radio.waveform.windows import backoff_samples, symbol_bins

UNAMBIGUOUS = 0.35  # of one over the time from the first known symbol to the last


def gram_of_delays(seen: np.ndarray, config: WaveformConfig) -> np.ndarray:
    """complex128 [m, m]: <a_n, a_m> at [m, n], of observations complex64 [antennas, m, active] within the prefix."""
    if acceleration.NUMBA:
        return np.asarray(_gram_compiled(seen, conjugate_delay_basis(config)))
    projected = seen @ conjugate_delay_basis(config)
    return np.asarray((projected @ projected.conj().swapaxes(1, 2)).sum(axis=0), np.complex128)


def carrier_residual_hz(
    seen: np.ndarray, config: WaveformConfig, starts: np.ndarray, width_hz: float, step_hz: float
) -> float:
    """`likelihood_peak` of observations complex64 [antennas, m, active] whose windows start at samples starts [m]."""
    if acceleration.NUMBA:
        basis = conjugate_delay_basis(config)
        return float(_residual_compiled(seen, basis, starts, config.sample_rate_hz, width_hz, step_hz))
    return likelihood_peak(gram_of_delays(seen, config), starts / config.sample_rate_hz, width_hz, step_hz)


@acceleration.compiled
def _residual_compiled(
    seen: np.ndarray, basis: np.ndarray, starts: np.ndarray, rate_hz: float, width_hz: float, step_hz: float
) -> float:
    return likelihood_peak_compiled(_gram_compiled(seen, basis), starts / rate_hz, width_hz, step_hz)


def turn_symbols(seen: np.ndarray, cycles: float, elapsed: np.ndarray) -> None:
    """Undo `cycles` per sample in symbols complex64 [antennas, m, active], `elapsed` [m] samples after phase zero."""
    if acceleration.NUMBA:
        _turn_compiled(seen, cycles, elapsed)
    else:
        seen *= np.exp(-2j * np.pi * cycles * elapsed).astype(np.complex64)[None, :, None]


@acceleration.compiled
def _turn_compiled(seen: np.ndarray, cycles: float, elapsed: np.ndarray) -> None:
    for m in range(elapsed.size):
        angle = -2 * math.pi * cycles * elapsed[m]
        c, s = np.float32(math.cos(angle)), np.float32(math.sin(angle))
        for antenna in range(seen.shape[0]):
            row = seen[antenna, m]
            for i in range(row.size):
                x, y = row[i].real, row[i].imag
                row[i] = complex(x * c - y * s, x * s + y * c)


def likelihood_peak(gram: np.ndarray, times_s: np.ndarray, width_hz: float, step_hz: float) -> float:
    """Offset in Hz that maximises J over plus and minus width_hz, refined by a parabola.

    gram: see `gram_of_delays`, of observations at times_s [m].
    """
    if acceleration.NUMBA:
        return float(likelihood_peak_compiled(gram, times_s, width_hz, step_hz))
    count = max(2, math.ceil(width_hz / step_hz))
    step_hz = width_hz / count
    return step_hz * peak(_likelihoods(gram, times_s - times_s[0], step_hz, count))


@acceleration.compiled
def likelihood_peak_compiled(gram: np.ndarray, times_s: np.ndarray, width_hz: float, step_hz: float) -> float:
    """`likelihood_peak`, for compiled callers."""
    count = max(2, math.ceil(width_hz / step_hz))
    step_hz = width_hz / count
    return step_hz * peak_compiled(_likelihoods_compiled(gram, times_s - times_s[0], step_hz, count))


def _likelihoods(gram: np.ndarray, times_s: np.ndarray, step_hz: float, count: int) -> np.ndarray:
    """J at step_hz times -count .. count: float64 [2 count + 1]."""
    offsets_hz = step_hz * np.arange(-count, count + 1)
    steering = np.exp(-2j * np.pi * np.outer(offsets_hz, times_s))
    return np.asarray(np.sum((steering @ gram) * steering.conj(), axis=1).real)


@acceleration.compiled
def _likelihoods_compiled(gram: np.ndarray, times_s: np.ndarray, step_hz: float, count: int) -> np.ndarray:
    phasors, steps = np.empty(times_s.size, np.complex128), np.empty(times_s.size, np.complex128)
    for m in range(times_s.size):
        phasors[m] = cmath.exp(2j * math.pi * step_hz * count * times_s[m])
        steps[m] = cmath.exp(-2j * math.pi * step_hz * times_s[m])
    values = np.empty(2 * count + 1)
    for i in range(values.size):
        total = 0.0
        for m in range(times_s.size):
            row = 0j
            for n in range(m):
                row += gram[m, n] * phasors[n].conjugate()
            total += gram[m, m].real + 2 * (row * phasors[m]).real
        values[i] = total
        for m in range(times_s.size):
            phasors[m] *= steps[m]
    return values


@acceleration.compiled
def _gram_compiled(seen: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """`gram_of_delays`; basis: complex64 [active, r], conjugated."""
    antennas, symbols, rank = seen.shape[0], seen.shape[1], basis.shape[1]
    gram = np.zeros((symbols, symbols), np.complex128)
    for antenna in range(antennas):
        projected = np.dot(seen[antenna], basis)
        for m in range(symbols):
            a = projected[m]
            for n in range(m + 1):
                b = projected[n]
                real = imag = np.float32(0.0)
                for i in range(rank):
                    real += a[i].real * b[i].real + a[i].imag * b[i].imag
                    imag += a[i].imag * b[i].real - a[i].real * b[i].imag
                gram[m, n] += complex(real, imag)
    for m in range(symbols):
        for n in range(m):
            gram[n, m] = gram[m, n].conjugate()
    return gram


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
