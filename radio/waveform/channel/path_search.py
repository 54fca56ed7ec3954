"""Single paths that a cluster leaves unexplained, added one by one while each raises the evidence enough.

An estimate is M H, with M = A C A^H / v of atoms A and their posterior covariance C (for a cluster alone: its
eigenvectors, shrunk). The step of Tipping and Faul (2003) for one more atom a of prior power p needs no more than that:

    b^H M b        says how much of an atom b is held already: its precision is (K - b^H M b) / v, K = b^H b
    w = a - M a    is what is new in a; M becomes M + w w^H / (s v),   s = 1 / p + (K - a^H M a) / v

so that nothing is inverted, and one transform per path gives what changes at every delay.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from radio import acceleration
from radio.waveform.channel.delay_profile import clusters, relative_frequencies
from radio.waveform.channel.delay_refinement import cluster_estimate
from radio.waveform.channel.delay_search import EARLIEST_ONSET, Found, kept_ranks
from radio.waveform.channel.strongest_path import vertex, vertex_compiled
from radio.waveform.config import WaveformConfig
from radio.waveform.transforms.fourier import add_powers, place_subcarriers, transform

MOST_PATHS = 8
PATH_GAIN = 8.0  # rise of the log evidence that a path must bring: chance brings log(prefix length) plus a little
LEAST_NEWS = 0.02  # share of a path's energy that the prior must not hold already for the path to count as new
OVERSAMPLING = 4
RATIO_DB = 1e-6  # to which powers are rounded where tables are looked up by them


@dataclass(frozen=True)
class Explained:
    """estimate: complex64 [antennas, active]; parameters: how many it takes, not counting `delays` found from the data;
    evidence: natural logarithm; paths: (delay in samples, power) of each that was added."""

    estimate: np.ndarray
    parameters: float
    evidence: float
    delays: int
    paths: tuple[tuple[float, float], ...] = ()


def with_paths(measured: np.ndarray, found: Found, config: WaveformConfig, variance: float) -> Explained:
    """The cluster `found` and single paths, the one that raises the evidence most each time, until none is worth it.

    measured: complex64 [antennas, active], whose noise has this variance.
    """
    antennas, active = measured.shape
    estimate, parameters = cluster_estimate(measured, config, variance, found)
    held = held_by_cluster(config, found, variance)
    news, scales = np.zeros((MOST_PATHS, active), np.complex64), np.zeros(MOST_PATHS)  # w, 1 / (s v)
    first, size, paths, evidence = int(EARLIEST_ONSET * OVERSAMPLING), config.fft_size * OVERSAMPLING, 0, found.evidence
    added: list[tuple[float, float]] = []
    look = _likeliest_compiled if acceleration.NUMBA else _likeliest
    residual, new = transform(antennas, size, inverse=True), transform(1, size, inverse=True)
    while paths < MOST_PATHS:
        place_subcarriers(measured - estimate, residual.source)
        place, ratio, power = look(residual.run(), first, held, active, variance)
        gain = antennas * (ratio - 1 - math.log(ratio))
        if gain < PATH_GAIN:
            break
        atom = np.exp(-2j * np.pi * (first + place) / OVERSAMPLING * relative_frequencies(config)).astype(np.complex64)
        within = cluster_estimate(atom[None], config, variance, found)[0][0]
        within += (scales[:paths] * (news[:paths].conj() @ atom)) @ news[:paths]
        scale = 1 / (1 / power + active - float(np.vdot(atom, within).real))
        news[paths], scales[paths] = atom - within, scale
        estimate += np.outer((measured @ news[paths].conj()) * np.float32(scale), news[paths])
        parameters += scale * float(np.vdot(news[paths], news[paths]).real)
        place_subcarriers(news[paths : paths + 1], new.source)
        turned = np.zeros((1, held.size), np.float32)
        add_powers(new.run(), first, turned)
        added.append(((first + place) / OVERSAMPLING, power * variance))
        held, paths, evidence = held + scale * turned[0], paths + 1, evidence + gain - PATH_GAIN
    return Explained(estimate, parameters, evidence, 1 + paths, tuple(added))


def _likeliest(
    response: np.ndarray, first: int, held: np.ndarray, active: int, variance: float
) -> tuple[float, float, float]:
    """Where between the delays searched a path gains most, the ratio that tells how much, and its power over v.

    response: complex64 [antennas, size], b^H of what is left for every delay; held: b^H M b, float64 [delays], of the
    delays from `first` on. ratio: of what is seen to what noise would show.
    """
    sums = np.zeros((len(response), held.size), np.float32)
    add_powers(response, first, sums)
    strength = sums.sum(axis=0) / (len(response) * variance)
    left = active - held
    precision = np.maximum(left, LEAST_NEWS * active)
    ratio = np.where(left > LEAST_NEWS * active, np.maximum(strength / precision, 1.0), 1.0)
    i = int(ratio.argmax())  # where the gain is largest, too
    return i + vertex(strength, i), float(ratio[i]), float((strength[i] - precision[i]) / precision[i] ** 2)


@acceleration.compiled
def _likeliest_compiled(
    response: np.ndarray, first: int, held: np.ndarray, active: int, variance: float
) -> tuple[float, float, float]:
    size = response.shape[1]
    strength, best, largest = np.zeros(held.size), 0, 1.0
    for row in response:
        for i in range(held.size):
            x = row[i + first if i + first >= 0 else size + i + first]
            strength[i] += x.real * x.real + x.imag * x.imag
    for i in range(held.size):
        strength[i] /= response.shape[0] * variance
        left = active - held[i]
        if left > LEAST_NEWS * active and strength[i] > largest * left:
            best, largest = i, strength[i] / left
    precision = max(active - held[best], LEAST_NEWS * active)
    return best + vertex_compiled(strength, best), largest, (strength[best] - precision) / precision**2


def held_by_cluster(config: WaveformConfig, found: Found, variance: float) -> np.ndarray:
    """b^H M b of the cluster alone: float64 [delays]."""
    sums = _diagonal_sums(config, found.cluster, round(10 * math.log10(found.power / variance) / RATIO_DB))
    most = sums.size // 2
    turned = sums * np.exp(-2j * np.pi / config.fft_size * found.onset * np.arange(-most, most + 1))
    bins = np.zeros(config.fft_size * OVERSAMPLING, complex)
    bins[-most:], bins[: most + 1] = turned[:most], turned[most:]
    first, last = int(EARLIEST_ONSET * OVERSAMPLING), config.cp_samples * OVERSAMPLING
    values = np.fft.ifft(bins, norm="forward").real
    return np.concatenate([values[first:], values[:last]])


@lru_cache(maxsize=256)
def _diagonal_sums(config: WaveformConfig, cluster: int, level: int) -> np.ndarray:
    """complex128 [2 active + 1]: sums of M over the pairs of subcarriers -active .. active apart, for onset 0.

    b^H M b at a delay after the onset is the Fourier series with these coefficients. level: of the prior's power over
    the noise, in RATIO_DB.
    """
    powers, vectors = clusters(config)[cluster].powers, clusters(config)[cluster].vectors
    ratio = 10 ** (level * RATIO_DB / 10)
    q = powers[: kept_ranks(powers, ratio)] * ratio
    active = len(vectors)
    numbers = np.round(relative_frequencies(config) * config.fft_size).astype(int)
    rows = np.zeros((q.size, 4 * active), complex)
    rows[:, numbers] = vectors[:, : q.size].T
    # Sums along diagonals are an autocorrelation of the eigenvectors.
    sums = np.fft.fft((q / (q + 1)) @ np.abs(np.fft.ifft(rows, norm="forward")) ** 2, norm="forward")
    return np.asarray(np.concatenate([sums[-active:], sums[: active + 1]]))
