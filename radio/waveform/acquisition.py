"""Finding one user's preamble: a bank of matched filters over carrier offsets, combined over the repeats.

For every carrier hypothesis f and start d the samples are correlated with one preamble symbol; the energies of the
`preamble_repeats` correlations are added (non-coherently, so that half a subcarrier of error costs little):

    T(d, f) = sum_antennas sum_m |c_f(d + m N)|^2 / (E_s P(d)),   P(d): mean sample power under the preamble

Under noise alone the terms are independent Exp(1), so T is Gamma(repeats * antennas) and the threshold follows from
the wanted probability of false alarm over all cells searched (a constant-false-alarm-rate test).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.special

from radio.waveform.config import WaveformConfig
from radio.waveform.grid import ResourceGrid
from radio.waveform.ofdm import to_time

HYPOTHESES_PER_SUBCARRIER = 2


@dataclass(frozen=True)
class Acquisition:
    """start: sample index of the first preamble symbol on the strongest path; cfo_hz: within a quarter subcarrier."""

    start: int
    cfo_hz: float
    statistic: float
    threshold: float


@lru_cache(maxsize=32)
def _templates(config: WaveformConfig, user: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Carrier hypotheses in Hz [q] and conjugated spectra complex64 [q, size] of the preamble symbol at each."""
    grid = ResourceGrid(config)
    bins = np.zeros((1, config.fft_size), np.complex64)
    bins[0, grid.bins] = grid.preamble(user)
    symbol = to_time(bins, 0)
    step_hz = config.subcarrier_spacing_hz / HYPOTHESES_PER_SUBCARRIER
    count = int(np.ceil(config.largest_cfo_hz / step_hz))
    offsets_hz = np.arange(-count, count + 1) * step_hz
    turns = np.outer(offsets_hz, np.arange(config.fft_size)) / config.sample_rate_hz
    shifted = symbol * np.exp(2j * np.pi * turns)
    return offsets_hz, np.conj(scipy.fft.fft(shifted.astype(np.complex64), size, axis=1))


def acquire(samples: np.ndarray, grid: ResourceGrid, user: int, first: int, last: int) -> Acquisition | None:
    """Search starts first..last (inclusive) of complex64 [antennas, n]; None when nothing crosses the threshold.

    Starts whose preamble is not wholly inside the samples are not searched.
    """
    config = grid.config
    n, repeats = config.fft_size, config.preamble_repeats
    first, last = max(0, first), min(last, samples.shape[1] - n * repeats)
    if last < first:
        return None
    starts = last - first + 1
    region = samples[:, first : last + n * repeats]
    size = scipy.fft.next_fast_len(region.shape[1])
    offsets_hz, templates = _templates(config, user, size)
    spectrum = scipy.fft.fft(region, size, axis=1)
    energy = np.zeros((len(offsets_hz), starts), np.float32)
    for antenna in spectrum:
        correlation = scipy.fft.ifft(antenna * templates, axis=1)[:, : starts + n * (repeats - 1)]
        power = correlation.real**2 + correlation.imag**2
        for m in range(repeats):
            energy += power[:, m * n : m * n + starts]
    sums = np.cumsum(np.concatenate([[0.0], np.sum(np.abs(region.astype(np.complex128)) ** 2, axis=0)]))
    local_power = (sums[n * repeats :] - sums[: -n * repeats])[:starts] / (n * repeats * len(samples))
    symbol_energy = config.active_subcarriers  # of the unit-power template
    statistic = energy / (symbol_energy * np.maximum(local_power, 1e-30))
    cells = statistic.size
    threshold = float(scipy.special.gammainccinv(repeats * len(samples), config.false_alarm_probability / cells))
    # The statistic decides whether, the energy decides where: one repeat too early has less of both, but less
    # power under it too.
    candidates = np.where(statistic > threshold, energy, 0)
    best = int(np.argmax(candidates))
    hypothesis, start = divmod(best, starts)
    if candidates.flat[best] <= 0:
        return None
    return Acquisition(
        start=first + start,
        cfo_hz=float(offsets_hz[hypothesis]),
        statistic=float(statistic[hypothesis, start]),
        threshold=threshold,
    )
