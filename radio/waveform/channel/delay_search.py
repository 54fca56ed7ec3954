"""Where a cluster of paths begins and how wide it is: the evidence of every prior over a grid of onsets.

With c(t0) = V^H D(t0)^H H of a cluster's eigenvectors V, prior powers p_r and noise v of H (see `channel_estimation`)

    log evidence = sum_r |c_r|^2 q_r / (v (q_r + 1)) - log(1 + q_r),   q_r = p_r / v

Eigenvectors with a small q_r say nothing and are left out, so that little is computed when there is much noise.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from radio import acceleration
from radio.waveform.channel.delay_profile import Cluster, clusters
from radio.waveform.config import WaveformConfig
from radio.waveform.transforms.fourier import add_powers, transform

NARROW_SPREAD = 0.7  # samples; a narrower cluster has a sharper peak over its onset
NARROW_ONSETS, WIDE_ONSETS = 2, 1  # per sample
EARLIEST_ONSET = -3.0  # samples; windows start before the strongest path, so this is rarely met
POWER_STEPS = (0.5, 1.0, 2.0)  # prior power relative to the measured one
LEVEL_DB = 1.0  # the measured power over v is rounded to this
LEAST_RATIO = 0.03  # q_r
SEARCHED_RATIO = 0.25  # which q_r count while clusters are compared: a smaller one moves the evidence by less than 0.03


class Found(NamedTuple):
    """A cluster (index into `clusters`) at its best onset (samples) and power. evidence: natural logarithm."""

    cluster: int
    onset: float
    power: float
    evidence: float


@dataclass(frozen=True)
class _Bank:
    """Neighbouring clusters side by side, searched on one grid of onsets.

    first: index of the first cluster. onsets: grid points per sample. vectors: complex64 [ranks, active], conjugated.
    weights: float32 [clusters * steps, ranks], q / (q + 1) where the rank is the cluster's. penalties: float32
    [clusters * steps], sum of log(1 + q).
    """

    first: int
    onsets: int
    vectors: np.ndarray
    weights: np.ndarray
    penalties: np.ndarray


@lru_cache(maxsize=128)
def _banks(config: WaveformConfig, level: int) -> tuple[_Bank, ...]:
    narrow = sum(part.spread_samples < NARROW_SPREAD for part in clusters(config))
    ratio = 10 ** (level * LEVEL_DB / 10)
    banks = [_bank(clusters(config)[:narrow], 0, NARROW_ONSETS, ratio)]
    if narrow < len(clusters(config)):
        banks.append(_bank(clusters(config)[narrow:], narrow, WIDE_ONSETS, ratio))
    return tuple(banks)


def _bank(parts: tuple[Cluster, ...], first: int, onsets: int, ratio: float) -> _Bank:
    kept = [kept_ranks(part.powers, max(POWER_STEPS) * ratio, SEARCHED_RATIO) for part in parts]
    weights = np.zeros((len(parts), len(POWER_STEPS), sum(kept)), np.float32)
    penalties = np.zeros((len(parts), len(POWER_STEPS)), np.float32)
    begins = np.cumsum([0, *kept])
    for i, part in enumerate(parts):
        for k, step in enumerate(POWER_STEPS):
            q = ratio * step * part.powers[: kept[i]]
            weights[i, k, begins[i] : begins[i + 1]] = q / (q + 1)
            penalties[i, k] = np.log1p(q).sum()
    stacked = np.concatenate([part.conjugated[:keep] for part, keep in zip(parts, kept, strict=True)])
    return _Bank(first, onsets, stacked, weights.reshape(-1, sum(kept)), penalties.reshape(-1))


def search(measured: np.ndarray, config: WaveformConfig, variance: float, power: float) -> list[Found]:
    """For each cluster the best of a grid of onsets and powers. measured: complex64 [antennas, active]."""
    level = round(10 * math.log10(power / variance) / LEVEL_DB) if power > 0 else 0
    quantised = variance * 10 ** (level * LEVEL_DB / 10)
    best, find = [], _best_compiled if acceleration.NUMBA else _best
    for bank in _banks(config, level):
        first, count = round(EARLIEST_ONSET * bank.onsets), config.cp_samples * bank.onsets
        strengths = _strengths(measured, bank.vectors, config.fft_size * bank.onsets, first, count)
        places, evidence = find(strengths, bank.weights, bank.penalties, np.float32(1 / variance), len(measured))
        for i, (place, value) in enumerate(zip(places.tolist(), evidence.tolist(), strict=True)):
            step, onset = divmod(place, count - first)
            best.append(Found(bank.first + i, (onset + first) / bank.onsets, POWER_STEPS[step] * quantised, value))
    return best


def _best(
    strengths: np.ndarray, weights: np.ndarray, penalties: np.ndarray, scale: np.float32, antennas: int
) -> tuple[np.ndarray, np.ndarray]:
    """For each cluster where the evidence is largest, int [clusters] into [steps, delays], and how large, float32.

    strengths: float32 [ranks, delays], changed; weights, penalties: see `_Bank`; scale: 1 / variance.
    """
    evidence = weights @ (strengths * scale) - antennas * penalties[:, None]
    every = evidence.reshape(-1, len(POWER_STEPS) * strengths.shape[1])
    places = every.argmax(axis=1)
    return places, every[np.arange(len(every)), places]


@acceleration.compiled
def _best_compiled(
    strengths: np.ndarray, weights: np.ndarray, penalties: np.ndarray, scale: np.float32, antennas: int
) -> tuple[np.ndarray, np.ndarray]:
    steps, delays = len(POWER_STEPS), strengths.shape[1]
    places = np.zeros(penalties.size // steps, np.int64)
    values = np.full(places.size, -np.inf, np.float32)
    row = np.empty(delays, np.float32)
    for i in range(penalties.size):
        row[:] = 0
        for r in range(strengths.shape[0]):
            weight = weights[i, r] * scale
            if weight > 0:  # most ranks are another cluster's
                for d in range(delays):
                    row[d] += weight * strengths[r, d]
        d = int(np.argmax(row))
        if row[d] - antennas * penalties[i] > values[i // steps]:
            places[i // steps], values[i // steps] = i % steps * delays + d, row[d] - antennas * penalties[i]
    return places, values


def _strengths(measured: np.ndarray, vectors: np.ndarray, size: int, first: int, count: int) -> np.ndarray:
    """|c_r|^2, summed over the antennas, at delays first .. count - 1 of `size` per symbol: float32 [ranks, delays]."""
    fourier = transform(len(vectors), size, inverse=True)
    total = np.zeros((len(vectors), count - first), np.float32)
    fill = _fill_compiled if acceleration.NUMBA else _fill
    for antenna in measured:
        fill(vectors, antenna, fourier.source)
        add_powers(fourier.run(), first, total)
    return total


def _fill(vectors: np.ndarray, antenna: np.ndarray, bins: np.ndarray) -> None:
    """Products of complex64 [ranks, active] and [active] into FFT bins complex64 [ranks, size], the others zero."""
    half = antenna.size // 2
    bins[:, 0], bins[:, half + 1 : bins.shape[1] - half] = 0, 0
    np.multiply(vectors[:, :half], antenna[:half], out=bins[:, bins.shape[1] - half :])
    np.multiply(vectors[:, half:], antenna[half:], out=bins[:, 1 : half + 1])


@acceleration.compiled
def _fill_compiled(vectors: np.ndarray, antenna: np.ndarray, bins: np.ndarray) -> None:
    half, size = antenna.size // 2, bins.shape[1]
    for r in range(vectors.shape[0]):
        bins[r, 0] = 0
        for i in range(half):
            bins[r, 1 + i] = vectors[r, half + i] * antenna[half + i]
        for i in range(half + 1, size - half):
            bins[r, i] = 0
        for i in range(half):
            bins[r, size - half + i] = vectors[r, i] * antenna[i]


def kept_ranks(powers: np.ndarray, ratio: float, least: float = LEAST_RATIO) -> int:
    """How many eigenvectors say something, of powers float64 [rank], which fall."""
    return max(1, int(np.count_nonzero(powers * ratio > least)))


kept_ranks_compiled = acceleration.compiled(kept_ranks)
