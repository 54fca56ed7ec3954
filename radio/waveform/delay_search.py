"""Where a cluster of paths begins and how wide it is: the evidence of every prior, searched, then climbed.

With c(t0) = V^H D(t0)^H H of a cluster's eigenvectors V, prior powers p_r and noise v of H (see `channel_estimation`)

    log evidence = sum_r |c_r|^2 q_r / (v (q_r + 1)) - log(1 + q_r),   q_r = p_r / v

Eigenvectors with a small q_r say nothing and are left out, so that little is computed when there is much noise.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from radio import acceleration
from radio.waveform.config import WaveformConfig
from radio.waveform.delay_profile import Cluster, clusters, relative_frequencies
from radio.waveform.fourier import transform

NARROW_SPREAD = 0.7  # samples; a narrower cluster has a sharper peak over its onset
NARROW_ONSETS, WIDE_ONSETS = 2, 1  # per sample
EARLIEST_ONSET = -3.0  # samples; windows start before the strongest path, so this is rarely met
POWER_STEPS = (0.5, 1.0, 2.0)  # prior power relative to the measured one
LEVEL_DB = 1.0  # the measured power over v is rounded to this
LEAST_RATIO = 0.03  # q_r
SEARCHED_RATIO = 0.25  # which q_r count while clusters are compared: a smaller one moves the evidence by less than 0.03
CLIMBING_STEPS = 3
LONGEST_STEP = 0.25  # samples


@dataclass(frozen=True)
class Found:
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
    kept = [_kept(part, max(POWER_STEPS) * ratio, SEARCHED_RATIO) for part in parts]
    weights = np.zeros((len(parts), len(POWER_STEPS), sum(kept)), np.float32)
    penalties = np.zeros((len(parts), len(POWER_STEPS)), np.float32)
    begins = np.cumsum([0, *kept])
    for i, part in enumerate(parts):
        for k, step in enumerate(POWER_STEPS):
            q = ratio * step * part.powers[: kept[i]]
            weights[i, k, begins[i] : begins[i + 1]] = q / (q + 1)
            penalties[i, k] = np.log1p(q).sum()
    vectors = [part.vectors[:, :keep].T.conj() for part, keep in zip(parts, kept, strict=True)]
    stacked = np.concatenate(vectors).astype(np.complex64)
    return _Bank(first, onsets, stacked, weights.reshape(-1, sum(kept)), penalties.reshape(-1))


def search(measured: np.ndarray, config: WaveformConfig, variance: float, power: float) -> list[Found]:
    """For each cluster the best of a grid of onsets and powers. measured: complex64 [antennas, active]."""
    level = round(10 * np.log10(power / variance) / LEVEL_DB) if power > 0 else 0
    quantised = variance * 10 ** (level * LEVEL_DB / 10)
    best = []
    for bank in _banks(config, level):
        first, count = round(EARLIEST_ONSET * bank.onsets), config.cp_samples * bank.onsets
        strengths = _strengths(measured, bank.vectors, config.fft_size * bank.onsets, first, count)
        evidence = bank.weights @ (strengths * np.float32(1 / variance))
        evidence -= len(measured) * bank.penalties[:, None]
        every = evidence.reshape(-1, len(POWER_STEPS) * (count - first))
        for i, place in enumerate(every.argmax(axis=1)):
            step, onset = divmod(int(place), count - first)
            scale = POWER_STEPS[step] * quantised
            best.append(Found(bank.first + i, (onset + first) / bank.onsets, scale, float(every[i, place])))
    return best


def _strengths(measured: np.ndarray, vectors: np.ndarray, size: int, first: int, count: int) -> np.ndarray:
    """|c_r|^2, summed over the antennas, at delays first .. count - 1 of `size` per symbol: float32 [ranks, delays]."""
    half = vectors.shape[1] // 2
    fourier = transform(len(vectors), size, inverse=True)
    bins = fourier.source
    bins[:, 0], bins[:, half + 1 : size - half] = 0, 0
    total = np.zeros((len(vectors), count - first), np.float32)
    add = _add_powers_compiled if acceleration.NUMBA else _add_powers
    for antenna in measured:
        np.multiply(vectors[:, :half], antenna[:half], out=bins[:, size - half :])
        np.multiply(vectors[:, half:], antenna[half:], out=bins[:, 1 : half + 1])
        add(fourier.run(), first, total)
    return total


def _add_powers(found: np.ndarray, first: int, total: np.ndarray) -> None:
    """Add |found|^2 at delays from `first` (negative ones are at the end) on."""
    kept = np.concatenate([found[:, first:], found[:, : total.shape[1] + first]], axis=1)
    total += kept.real**2 + kept.imag**2


@acceleration.compiled
def _add_powers_compiled(found: np.ndarray, first: int, total: np.ndarray) -> None:
    size = found.shape[1]
    for r in range(total.shape[0]):
        for i in range(total.shape[1]):
            x = found[r, i + first if i + first >= 0 else size + i + first]
            total[r, i] += x.real * x.real + x.imag * x.imag


def climb(measured: np.ndarray, config: WaveformConfig, variance: float, found: Found) -> Found:
    """The same cluster at the onset that maximises the evidence between the points of the grid."""
    cluster = clusters(config)[found.cluster]
    kept = _kept(cluster, found.power / variance)
    q = found.power / variance * cluster.powers[:kept]
    omega, vectors = _omega(config), _conjugated(config, found.cluster)[:kept]
    climbing = _climbed_compiled if acceleration.NUMBA else _climbed
    onset, strength = climbing(measured, vectors, q / (variance * (q + 1)), omega, found.onset)
    penalty = len(measured) * float(np.log1p(q).sum())
    return Found(found.cluster, onset, found.power, strength - penalty)


def atoms(config: WaveformConfig, found: Found, variance: float) -> tuple[np.ndarray, np.ndarray]:
    """The cluster's eigenvectors at its onset, complex128 [active, n], orthonormal, and their prior powers [n]."""
    cluster = clusters(config)[found.cluster]
    kept = _kept(cluster, found.power / variance)
    turns = np.exp(-2j * np.pi * found.onset * relative_frequencies(config))
    return turns[:, None] * cluster.vectors[:, :kept], found.power * cluster.powers[:kept]


def _kept(cluster: Cluster, ratio: float, least: float = LEAST_RATIO) -> int:
    """How many eigenvectors say something; their powers fall."""
    return max(1, int(np.count_nonzero(cluster.powers * ratio > least)))


@lru_cache(maxsize=64)
def _conjugated(config: WaveformConfig, cluster: int) -> np.ndarray:
    """complex64 [rank, active]"""
    return np.ascontiguousarray(clusters(config)[cluster].vectors.conj().T, np.complex64)


@lru_cache(maxsize=8)
def _omega(config: WaveformConfig) -> np.ndarray:
    """float32 [active]: radians per sample."""
    return np.asarray(2 * np.pi * relative_frequencies(config), np.float32)


def _climbed(
    measured: np.ndarray, vectors: np.ndarray, weights: np.ndarray, omega: np.ndarray, onset: float
) -> tuple[float, float]:
    """Newton's method on sum_r w_r |c_r(t)|^2 from `onset`: where it ends, and the sum there.

    measured: complex64 [antennas, active]; vectors: complex64 [r, active], conjugated; omega: float32 [active].
    """
    for _ in range(CLIMBING_STEPS):
        _, slope, curve = _slopes(measured, vectors, weights, omega, onset)
        onset += _step(slope, curve)
    return onset, _slopes(measured, vectors, weights, omega, onset)[0]


@acceleration.compiled
def _climbed_compiled(
    measured: np.ndarray, vectors: np.ndarray, weights: np.ndarray, omega: np.ndarray, onset: float
) -> tuple[float, float]:
    for _ in range(CLIMBING_STEPS):
        _, slope, curve = _slopes_compiled(measured, vectors, weights, omega, onset)
        onset += _step(slope, curve)
    return onset, _slopes_compiled(measured, vectors, weights, omega, onset)[0]


@acceleration.compiled
def _step(slope: float, curve: float) -> float:
    """Newton's, and where the sum bends upwards a long one uphill."""
    step = -slope / curve if curve < 0 else math.copysign(LONGEST_STEP, slope)
    return min(max(step, -LONGEST_STEP), LONGEST_STEP)


def _slopes(
    measured: np.ndarray, vectors: np.ndarray, weights: np.ndarray, omega: np.ndarray, onset: float
) -> tuple[float, float, float]:
    """sum_r w_r |c_r(t)|^2 and its first two derivatives."""
    aligned = measured * np.exp(1j * omega * onset)
    c, d, e = (row @ vectors.T for row in (aligned, 1j * omega * aligned, -(omega**2) * aligned))
    slope, curve = 2 * (np.conj(c) * d).real, 2 * (np.abs(d) ** 2 + (np.conj(c) * e).real)
    return float((weights * np.abs(c) ** 2).sum()), float((weights * slope).sum()), float((weights * curve).sum())


@acceleration.compiled
def _slopes_compiled(
    measured: np.ndarray, vectors: np.ndarray, weights: np.ndarray, omega: np.ndarray, onset: float
) -> tuple[float, float, float]:
    active, zero = omega.size, np.float32(0.0)
    real, imag = np.empty(active, np.float32), np.empty(active, np.float32)
    cosine, sine = np.empty(active, np.float32), np.empty(active, np.float32)
    step = complex(math.cos(omega[-1] / (active // 2) * onset), math.sin(omega[-1] / (active // 2) * onset))
    turn = step
    for k in range(active // 2):  # subcarriers k + 1 and -(k + 1)
        cosine[active // 2 + k], sine[active // 2 + k] = turn.real, turn.imag
        cosine[active // 2 - 1 - k], sine[active // 2 - 1 - k] = turn.real, -turn.imag
        turn *= step
    strength = slope = curve = 0.0
    for antenna in range(measured.shape[0]):
        for k in range(active):
            c, s, y = cosine[k], sine[k], measured[antenna, k]
            real[k], imag[k] = y.real * c - y.imag * s, y.real * s + y.imag * c
        for r in range(vectors.shape[0]):
            row = vectors[r]
            cr, ci, dr, di, er, ei = zero, zero, zero, zero, zero, zero
            for k in range(active):  # c, its derivative d and the second one e
                x, y = real[k] * row[k].real - imag[k] * row[k].imag, real[k] * row[k].imag + imag[k] * row[k].real
                cr += x
                ci += y
                x *= omega[k]
                y *= omega[k]
                dr -= y
                di += x
                er -= omega[k] * x
                ei -= omega[k] * y
            strength += weights[r] * (cr * cr + ci * ci)
            slope += 2 * weights[r] * (cr * dr + ci * di)
            curve += 2 * weights[r] * (dr * dr + di * di + cr * er + ci * ei)
    return strength, slope, curve
