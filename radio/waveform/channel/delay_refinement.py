"""The best cluster of a search, climbed to its onset between the grid's points, and what it makes of a measurement.

With the evidence of `delay_search` as a function of the onset alone: Newton's method from where the search ended.
"""

import math
from functools import lru_cache

import numpy as np

from radio import acceleration
from radio.waveform.channel.delay_profile import clusters, relative_frequencies
from radio.waveform.channel.delay_search import Found, kept_ranks, kept_ranks_compiled
from radio.waveform.config import WaveformConfig

CLIMBING_STEPS = 3
LONGEST_STEP = 0.25  # samples


def climb(measured: np.ndarray, config: WaveformConfig, variance: float, found: Found) -> Found:
    """The same cluster at the onset that maximises the evidence between the points of the grid."""
    cluster, ratio = clusters(config)[found.cluster], found.power / variance
    climbing = _climbed_compiled if acceleration.NUMBA else _climbed
    onset, evidence = climbing(
        measured, cluster.conjugated, cluster.powers, ratio, variance, _omega(config), found.onset
    )
    return Found(found.cluster, onset, found.power, evidence)


def cluster_estimate(
    measured: np.ndarray, config: WaveformConfig, variance: float, found: Found
) -> tuple[np.ndarray, float]:
    """LMMSE estimate complex64 [antennas, active] with this prior, and how many parameters that takes."""
    powers, vectors = clusters(config)[found.cluster].powers, clusters(config)[found.cluster].conjugated
    ratio = found.power / variance
    if acceleration.NUMBA:
        estimate, parameters = _estimate_compiled(measured, vectors, powers, ratio, _omega(config), found.onset)
        return estimate, parameters
    q = powers[: kept_ranks(powers, ratio)] * ratio
    vectors, turns = vectors[: q.size], np.exp(1j * _omega(config) * found.onset)
    estimate = ((measured * turns) @ vectors.T * (q / (q + 1))) @ vectors.conj() * turns.conj()
    return estimate.astype(np.complex64), float((q / (q + 1)).sum())


@lru_cache(maxsize=8)
def _omega(config: WaveformConfig) -> np.ndarray:
    """float32 [active]: radians per sample."""
    return np.asarray(2 * np.pi * relative_frequencies(config), np.float32)


def _climbed(
    measured: np.ndarray,
    vectors: np.ndarray,
    powers: np.ndarray,
    ratio: float,
    variance: float,
    omega: np.ndarray,
    onset: float,
) -> tuple[float, float]:
    """Newton's method on the evidence from `onset`: where it ends, and the evidence there.

    measured: complex64 [antennas, active]; vectors: complex64 [rank, active], conjugated; powers: float64 [rank], of
    which `ratio` makes the q of `delay_search`; omega: float32 [active].
    """
    q = powers[: kept_ranks(powers, ratio)] * ratio
    vectors, weights = vectors[: q.size], q / (variance * (q + 1))
    for _ in range(CLIMBING_STEPS):
        _, slope, curve = _slopes(measured, vectors, weights, omega, onset)
        onset += _step(slope, curve)
    return onset, _slopes(measured, vectors, weights, omega, onset)[0] - len(measured) * float(np.log1p(q).sum())


@acceleration.compiled
def _climbed_compiled(
    measured: np.ndarray,
    vectors: np.ndarray,
    powers: np.ndarray,
    ratio: float,
    variance: float,
    omega: np.ndarray,
    onset: float,
) -> tuple[float, float]:
    q = powers[: kept_ranks_compiled(powers, ratio)] * ratio
    weights = q / (variance * (q + 1))
    for _ in range(CLIMBING_STEPS):
        _, slope, curve = _slopes_compiled(measured, vectors, weights, omega, onset)
        onset += _step(slope, curve)
    return onset, _slopes_compiled(measured, vectors, weights, omega, onset)[0] - len(measured) * np.log1p(q).sum()


@acceleration.compiled
def _estimate_compiled(
    measured: np.ndarray, vectors: np.ndarray, powers: np.ndarray, ratio: float, omega: np.ndarray, onset: float
) -> tuple[np.ndarray, float]:
    """`cluster_estimate`: arguments as for `_climbed`."""
    antennas, active = measured.shape
    ranks, parameters = kept_ranks_compiled(powers, ratio), 0.0
    cosine, sine = _turns(omega, onset)
    real, imag = np.empty(active, np.float32), np.empty(active, np.float32)
    sums, out = np.empty((2, active), np.float32), np.empty((antennas, active), np.complex64)
    for antenna in range(antennas):
        _align(measured[antenna], cosine, sine, real, imag)
        sums[:] = 0
        for r in range(ranks):
            row, shrunk = vectors[r], np.float32(powers[r] * ratio / (powers[r] * ratio + 1))
            x = y = np.float32(0.0)
            for k in range(active):
                x += real[k] * row[k].real - imag[k] * row[k].imag
                y += real[k] * row[k].imag + imag[k] * row[k].real
            x, y = x * shrunk, y * shrunk
            for k in range(active):
                sums[0, k] += x * row[k].real + y * row[k].imag
                sums[1, k] += y * row[k].real - x * row[k].imag
            parameters += shrunk / antennas
        for k in range(active):
            x, y, c, s = sums[0, k], sums[1, k], cosine[k], sine[k]
            out[antenna, k] = complex(x * c + y * s, y * c - x * s)
    return out, parameters


@acceleration.compiled
def _turns(omega: np.ndarray, onset: float) -> tuple[np.ndarray, np.ndarray]:
    """cos and sin of omega onset, float32 [active] both."""
    active = omega.size
    cosine, sine = np.empty(active, np.float32), np.empty(active, np.float32)
    step = complex(math.cos(omega[-1] / (active // 2) * onset), math.sin(omega[-1] / (active // 2) * onset))
    turn = step
    for k in range(active // 2):  # subcarriers k + 1 and -(k + 1)
        cosine[active // 2 + k], sine[active // 2 + k] = turn.real, turn.imag
        cosine[active // 2 - 1 - k], sine[active // 2 - 1 - k] = turn.real, -turn.imag
        turn *= step
    return cosine, sine


@acceleration.compiled
def _align(row: np.ndarray, cosine: np.ndarray, sine: np.ndarray, real: np.ndarray, imag: np.ndarray) -> None:
    """row (cosine + j sine), in parts."""
    for k in range(row.size):
        c, s, y = cosine[k], sine[k], row[k]
        real[k], imag[k] = y.real * c - y.imag * s, y.real * s + y.imag * c


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
    cosine, sine = _turns(omega, onset)
    strength = slope = curve = 0.0
    for antenna in range(measured.shape[0]):
        _align(measured[antenna], cosine, sine, real, imag)
        for r in range(weights.size):
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
