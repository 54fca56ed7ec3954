"""Maximum-likelihood carrier offset from repeated known symbols through an unknown multipath channel.

With a_m the channel seen in known symbol m at time t_m, projected onto the delays that a cyclic prefix allows, the
likelihood of an offset f is monotone in (Rife and Boorstyn 1974, summed over the independent channel dimensions)

    J(f) = sum | sum_m a_m exp(-j 2 pi f t_m) |^2

The projection takes most of the noise out of the products that limit half-against-half correlators at low SNR.
"""

from functools import lru_cache

import numpy as np

from radio.waveform.config import WaveformConfig
from radio.waveform.grid import ResourceGrid
from radio.waveform.windows import backoff_samples, symbol_bins


@lru_cache(maxsize=8)
def delay_basis(config: WaveformConfig) -> np.ndarray:
    """complex64 [active, r]: orthonormal basis of the frequency responses of delays within the prefix."""
    grid = ResourceGrid(config)
    delays = np.arange(-2, config.cp_samples + 3)
    steps = grid.frequencies_hz / config.sample_rate_hz
    basis, weights, _ = np.linalg.svd(np.exp(-2j * np.pi * np.outer(steps, delays)), full_matrices=False)
    kept = basis[:, weights > 1e-2 * weights[0]].astype(np.complex64)
    kept.setflags(write=False)
    return kept


def likelihood_peak(observations: np.ndarray, times_s: np.ndarray, width_hz: float, step_hz: float) -> float:
    """Offset in Hz that maximises J over plus and minus width_hz, refined by a parabola.

    observations: complex [m, dimensions] at times_s [m].
    """
    count = max(2, int(np.ceil(width_hz / step_hz)))
    grid_hz = np.linspace(-width_hz, width_hz, 2 * count + 1)
    steering = np.exp(-2j * np.pi * np.outer(grid_hz, times_s - times_s.mean()))
    likelihood = np.sum(np.abs(steering @ observations) ** 2, axis=1)
    i = int(np.argmax(likelihood))
    if not 0 < i < 2 * count:
        return float(grid_hz[i])
    before, peak, after = likelihood[i - 1 : i + 2]
    curve = before - 2 * peak + after
    shift = 0.5 * (before - after) / curve if curve < 0 else 0.0
    return float(grid_hz[i] + shift * (grid_hz[1] - grid_hz[0]))


def known_symbol_starts(grid: ResourceGrid, user: int, start: int) -> tuple[np.ndarray, np.ndarray]:
    """Window starts int [repeats] of the preamble and int [sounding_symbols] of the sounding.

    start: sample index of the user's first preamble symbol on its strongest path.
    """
    config = grid.config
    origin = start - grid.preamble_start(user) - backoff_samples(grid)
    preamble = origin + grid.preamble_start(user) + np.arange(config.preamble_repeats) * config.fft_size
    first = origin + grid.sounding_start(user) + config.cp_samples
    sounding = first + np.arange(config.sounding_symbols) * grid.symbol_samples
    return preamble, sounding


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
    starts = np.concatenate([preamble, sounding])
    known = np.concatenate(
        [np.tile(grid.preamble(user), (preamble.size, 1)), grid.sounding(user)[: sounding.size]], axis=0
    )
    inside = (starts >= 0) & (starts + grid.config.fft_size <= samples.shape[1])
    bins = symbol_bins(samples, grid, starts[inside], cfo_hz, origin)
    return bins * (np.conj(known[inside]) / grid.training_boost), starts[inside]


def refine_carrier(
    samples: np.ndarray, grid: ResourceGrid, user: int, start: int, coarse_hz: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """Offset in Hz, channel observations complex64 [antennas, m, active] with it undone, and their starts [m].

    First the preamble alone (unambiguous within half a subcarrier), then preamble and sounding together. Symbols
    outside the samples are left out.
    """
    config = grid.config
    rate, basis = config.sample_rate_hz, delay_basis(config)
    preamble, sounding = known_symbol_starts(grid, user, start)
    width_hz = 0.5 * config.subcarrier_spacing_hz
    seen, starts = observe(samples, grid, user, preamble, sounding[:0], coarse_hz, start)
    cfo_hz = coarse_hz + likelihood_peak(project(seen, basis), starts / rate, width_hz, width_hz / 64)
    seen, starts = observe(samples, grid, user, preamble, sounding, cfo_hz, start)
    span_s = np.ptp(starts) / rate
    residual_hz = likelihood_peak(project(seen, basis), starts / rate, 0.35 / span_s, 0.02 / span_s)
    turns = residual_hz / rate * (starts - start)
    seen = seen * np.exp(-2j * np.pi * turns).astype(np.complex64)[None, :, None]
    return cfo_hz + residual_hz, seen, starts


def project(seen: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """[antennas, m, active] -> [m, antennas * r]."""
    projected = seen @ basis.conj()
    return projected.transpose(1, 0, 2).reshape(seen.shape[1], -1)


def carrier_bound_hz(times_s: np.ndarray, snr: float, values: int) -> float:
    """Cramer-Rao bound (standard deviation, Hz) for known symbols of `values` elements each at times_s.

    snr: linear, per element. Each symbol's phase has Fisher information 2 snr values.
    """
    spread = float(np.sum((times_s - times_s.mean()) ** 2))
    return float(1 / np.sqrt((2 * np.pi) ** 2 * max(2 * snr * values * spread, 1e-300)))
