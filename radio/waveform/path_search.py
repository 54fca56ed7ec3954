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

from radio.waveform.config import WaveformConfig
from radio.waveform.delay_profile import clusters, relative_frequencies
from radio.waveform.delay_refinement import cluster_estimate
from radio.waveform.delay_search import EARLIEST_ONSET, Found, kept_ranks
from radio.waveform.fourier import transform
from radio.waveform.strongest_path import vertex

MOST_PATHS = 8
PATH_GAIN = 8.0  # rise of the log evidence that a path must bring: chance brings log(prefix length) plus a little
LEAST_NEWS = 0.02  # share of a path's energy that the prior must not hold already for the path to count as new
OVERSAMPLING = 4
RATIO_DB = 1e-6  # to which powers are rounded where tables are looked up by them


@dataclass(frozen=True)
class Explained:
    """estimate: complex64 [antennas, active]; parameters: how many it takes, not counting `delays` found from the data;
    evidence: natural logarithm."""

    estimate: np.ndarray
    parameters: float
    evidence: float
    delays: int


def with_paths(measured: np.ndarray, found: Found, config: WaveformConfig, variance: float) -> Explained:
    """The cluster `found` and single paths, the one that raises the evidence most each time, until none is worth it.

    measured: complex64 [antennas, active], whose noise has this variance.
    """
    antennas, active = measured.shape
    estimate, parameters = cluster_estimate(measured, config, variance, found)
    evidence, held = found.evidence, held_by_cluster(config, found, variance)
    news: list[tuple[np.ndarray, float]] = []  # w, 1 / (s v)
    for _ in range(MOST_PATHS):
        residual = at_delays(measured - estimate, config)
        strength = (residual.real**2 + residual.imag**2).sum(axis=0) / antennas / variance  # times v, as all here
        left = active - held
        precision = np.maximum(left, LEAST_NEWS * active)
        ratio = np.where(left > LEAST_NEWS * active, np.maximum(strength / precision, 1.0), 1.0)
        i = int(ratio.argmax())  # where the gain is largest, too
        largest = float(ratio[i])
        gain = antennas * (largest - 1 - math.log(largest))
        if gain < PATH_GAIN:
            break
        delay = int(EARLIEST_ONSET) + (i + vertex(strength, i)) / OVERSAMPLING
        atom = np.exp(-2j * np.pi * delay * relative_frequencies(config)).astype(np.complex64)
        within = cluster_estimate(atom[None], config, variance, found)[0][0]
        for new, scale in news:
            within += scale * np.vdot(new, atom) * new
        power = float(strength[i] - precision[i]) * variance / float(precision[i]) ** 2
        scale = 1 / (variance / power + active - float(np.vdot(atom, within).real))
        new = atom - within
        news.append((new, scale))
        estimate = estimate + scale * np.outer(measured @ new.conj(), new)
        parameters += scale * float(np.vdot(new, new).real)
        turned = at_delays(new[None], config)[0]
        held = held + scale * (turned.real**2 + turned.imag**2)
        evidence += gain - PATH_GAIN
    return Explained(estimate.astype(np.complex64), parameters, evidence, 1 + len(news))


def at_delays(rows: np.ndarray, config: WaveformConfig) -> np.ndarray:
    """b^H of rows complex64 [n, active] for single paths b at every delay searched: complex64 [n, delays]."""
    half, first, last = rows.shape[1] // 2, int(EARLIEST_ONSET * OVERSAMPLING), config.cp_samples * OVERSAMPLING
    fourier = transform(len(rows), config.fft_size * OVERSAMPLING, inverse=True)
    fourier.source[:] = 0
    fourier.source[:, -half:], fourier.source[:, 1 : half + 1] = rows[:, :half], rows[:, half:]
    found = fourier.run()
    return np.concatenate([found[:, first:], found[:, :last]], axis=1)


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
