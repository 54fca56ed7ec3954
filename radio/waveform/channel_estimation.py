"""One user's channel from its known symbols: least squares, then LMMSE with a prior learnt from the same symbols.

The prior is a cluster of paths (see `delay_profile`) whose onset, spread and power maximise the evidence of the
least-squares mean H over m symbols, v = noise_power / m (empirical Bayes; Bishop, "Pattern Recognition and Machine
Learning", 3.5). With c = V^H D(onset)^H H and prior powers p_r of the cluster's eigenvectors:

    log evidence = sum_r |c_r|^2 p_r / (v (p_r + v)) - log(1 + p_r / v),   estimate = D V diag(p / (p + v)) c

Single paths that this cannot explain are then added one by one while each raises the evidence enough (the fast
marginal likelihood step of Tipping and Faul, 2003).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft

from radio.waveform.config import WaveformConfig
from radio.waveform.delay_profile import Cluster, clusters, relative_frequencies
from radio.waveform.grid import ResourceGrid

PEAK_OVERSAMPLING = 16
REFINING_STEPS = (0.125, 0.03, 0.008, 0.002)  # samples
ONSETS_PER_SAMPLE = 2
EARLIEST_ONSET = -3.0  # samples; windows start before the strongest path, so this is rarely met
POWER_STEPS = (0.5, 1.0, 2.0)  # prior power relative to the measured one
MOST_PATHS = 8
PATH_GAIN = 8.0  # rise of the log evidence that a path must bring: chance brings log(prefix length) plus a little
SINGLE_PATH_BONUS = 2.0  # log prior odds against a spread that is not needed
LEAST_NEWS = 0.02  # share of a path's energy that the prior must not hold already for the path to count as new
PATHS_FROM_SPREAD = 0.7  # samples; narrower clusters are told from separate paths by nothing


@dataclass
class _Prior:
    """Atoms complex128 [active, n] with prior powers [n]; delays: how many of their parameters are delays."""

    atoms: np.ndarray
    powers: np.ndarray
    evidence: float
    delays: int = 1


def residual_noise_power(observations: np.ndarray) -> float:
    """Unbiased noise power per subcarrier from what differs between repeats: complex [antennas, m, active], m >= 2."""
    m = observations.shape[1]
    spread = observations - observations.mean(axis=1, keepdims=True)
    return float(np.mean(np.abs(spread) ** 2) * m / (m - 1))


def delay_limited_estimate(observations: np.ndarray, basis: np.ndarray, noise_power: float) -> np.ndarray:
    """A quick estimate complex64 [antennas, active]: least squares over the delays that the prefix allows, shrunk.

    basis: complex [active, r], orthonormal; otherwise as `estimate_channel`. Good enough to read a header with.
    """
    amplitudes = observations.mean(axis=1) @ basis.conj()
    noise = noise_power / observations.shape[1]
    power = np.mean(np.abs(amplitudes) ** 2, axis=1, keepdims=True)
    amplitudes *= np.maximum(power - noise, 0) / np.maximum(power, 1e-300)
    return np.asarray(amplitudes @ basis.T, np.complex64)


def estimate_channel(observations: np.ndarray, config: WaveformConfig, noise_power: float) -> tuple[np.ndarray, float]:
    """LMMSE estimate complex64 [antennas, active] and its expected error power per value.

    observations: complex64 [antennas, m, active], known symbols divided out and carrier undone; noise_power: per
    subcarrier of one symbol. The antennas share a prior.
    """
    measured = observations.mean(axis=1).astype(np.complex128)
    power = float(np.mean(np.abs(measured) ** 2))
    variance = max(noise_power / observations.shape[1], 1e-12 * power, 1e-300)
    scores = _best_onsets(measured, config, variance, power)
    best = max(range(len(scores)), key=lambda i: scores[i][0])
    # One path is always tried too: the grid of onsets is too coarse to do it justice before it is refined, and one
    # path with others added may explain the same better than a wide cluster.
    candidates = []
    for i in sorted({0, best}):
        prior = _refined(measured, config, clusters(config)[i], scores[i], variance)
        if clusters(config)[best].spread_samples >= PATHS_FROM_SPREAD:
            prior = _with_paths(measured, prior, config, variance)
        candidates.append(prior)
    candidates[0].evidence += SINGLE_PATH_BONUS
    prior = max(candidates, key=lambda one: one.evidence)
    mean, covariance = _posterior(measured, prior, variance)
    gram = prior.atoms.conj().T @ prior.atoms
    # A delay found from the data costs half as much as a complex amplitude.
    parameters = float(np.real(np.trace(gram @ covariance))) + 0.5 * prior.delays * variance / len(measured)
    return (prior.atoms @ mean).T.astype(np.complex64), parameters / config.active_subcarriers


@dataclass(frozen=True)
class _Bank:
    """All clusters side by side. vectors: complex64 [ranks, active], conjugated; powers: float32 [ranks]; firsts: where
    each cluster begins; onsets: int, the grid searched, in ONSETS_PER_SAMPLE; turns: complex64 [steps, 9, active]."""

    vectors: np.ndarray
    powers: np.ndarray
    firsts: np.ndarray
    onsets: np.ndarray
    turns: np.ndarray


@lru_cache(maxsize=8)
def _bank(config: WaveformConfig) -> _Bank:
    parts, frequencies = clusters(config), relative_frequencies(config)
    steps = np.outer(REFINING_STEPS, np.arange(-4, 5))[:, :, None] * frequencies
    return _Bank(
        np.concatenate([part.vectors.T.conj() for part in parts]).astype(np.complex64),
        np.concatenate([part.powers for part in parts]).astype(np.float32),
        np.cumsum([0, *(part.powers.size for part in parts[:-1])]),
        np.arange(int(EARLIEST_ONSET * ONSETS_PER_SAMPLE), config.cp_samples * ONSETS_PER_SAMPLE),
        np.exp(2j * np.pi * steps).astype(np.complex64),
    )


def _best_onsets(
    measured: np.ndarray, config: WaveformConfig, variance: float, power: float
) -> list[tuple[float, float, float]]:
    """For each cluster the largest log evidence on a grid of onsets and powers, its onset in samples, its power."""
    bank, size = _bank(config), config.fft_size * ONSETS_PER_SAMPLE
    projections = np.zeros((bank.powers.size, bank.onsets.size), np.float32)
    bins = np.zeros((bank.powers.size, size), np.complex64)
    for antenna in measured.astype(np.complex64):
        bins[:, _offsets(config)] = bank.vectors * antenna
        kept = scipy.fft.ifft(bins, axis=-1, norm="forward")[:, bank.onsets % size]
        projections += kept.real**2 + kept.imag**2
    tried = []
    for step in POWER_STEPS:
        prior = step * power * bank.powers.astype(np.float64)
        weights = prior / (variance * (prior + variance))
        evidence = np.add.reduceat(projections * weights[:, None], bank.firsts)
        evidence -= len(measured) * np.add.reduceat(np.log1p(prior / variance), bank.firsts)[:, None]
        tried.append(evidence)
    every = np.stack(tried, axis=1)  # [clusters, powers, onsets]
    best = every.reshape(len(every), -1).argmax(axis=1)
    steps, places = np.unravel_index(best, every.shape[1:])
    return [
        (float(one[k, i]), float(bank.onsets[i]) / ONSETS_PER_SAMPLE, POWER_STEPS[k] * power)
        for one, k, i in zip(every, steps, places, strict=True)
    ]


def _refined(
    measured: np.ndarray,
    config: WaveformConfig,
    cluster: Cluster,
    score: tuple[float, float, float],
    variance: float,
) -> _Prior:
    """The cluster at the onset that maximises the evidence between the points of the grid."""
    evidence, onset, best_power = score
    frequencies = relative_frequencies(config)
    powers = best_power * cluster.powers
    weights = powers / (variance * (powers + variance))
    constant = len(measured) * float(np.sum(np.log1p(powers / variance)))
    vectors = cluster.vectors.conj()
    for step, turns in zip(REFINING_STEPS, _bank(config).turns, strict=True):
        aligned = measured * np.exp(2j * np.pi * onset * frequencies)
        projections = (aligned[:, None] * turns) @ vectors
        values = np.sum(projections.real**2 + projections.imag**2, axis=0) @ weights - constant
        i = int(np.argmax(values))
        onset, evidence = onset + step * (i - 4), float(values[i])
    atoms = np.exp(-2j * np.pi * onset * frequencies)[:, None] * cluster.vectors
    return _Prior(atoms, powers, evidence)


def _posterior(measured: np.ndarray, prior: _Prior, variance: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean [n, antennas] and covariance [n, n] of the atoms' amplitudes."""
    precision = prior.atoms.conj().T @ prior.atoms / variance + np.diag(1 / prior.powers)
    covariance = np.linalg.inv(precision)
    return covariance @ (prior.atoms.conj().T @ measured.T) / variance, covariance


def _with_paths(measured: np.ndarray, prior: _Prior, config: WaveformConfig, variance: float) -> _Prior:
    """Add single paths, the one that raises the evidence most each time, until none is worth it."""
    size, antennas = config.fft_size * 4, len(measured)
    delays = np.arange(int(EARLIEST_ONSET * 4), config.cp_samples * 4)
    frequencies, places = relative_frequencies(config), _offsets(config) % size

    def at_delays(rows: np.ndarray) -> np.ndarray:
        bins = np.zeros((len(rows), size), np.complex128)
        bins[:, places] = rows
        return np.asarray(scipy.fft.ifft(bins, axis=-1, norm="forward"))[:, delays % size]

    for _ in range(MOST_PATHS):
        mean, covariance = _posterior(measured, prior, variance)
        residual = measured - (prior.atoms @ mean).T
        strength = np.mean(np.abs(at_delays(residual)) ** 2, axis=0) / variance**2
        seen = at_delays(prior.atoms.T).conj()  # A^H b: [n, delays]
        overlap = np.real(np.sum(seen.conj() * (covariance @ seen), axis=0)) / variance**2
        whole = measured.shape[1] / variance
        precision = np.maximum(whole - overlap, LEAST_NEWS * whole)
        ratio = np.where(whole - overlap > LEAST_NEWS * whole, np.maximum(strength / precision, 1.0), 1.0)
        gain = antennas * (ratio - 1 - np.log(ratio))
        i = int(np.argmax(gain))
        if gain[i] < PATH_GAIN:
            break
        delay = float(delays[i]) / 4 + _vertex(strength, i) / 4
        atom = np.exp(-2j * np.pi * delay * frequencies)[:, None]
        power = (strength[i] - precision[i]) / precision[i] ** 2
        prior = _Prior(
            np.concatenate([prior.atoms, atom], axis=1),
            np.append(prior.powers, power),
            prior.evidence + float(gain[i]) - PATH_GAIN,
            prior.delays + 1,
        )
    return prior


def _vertex(values: np.ndarray, i: int) -> float:
    """Where between the neighbours of a peak its parabola has its vertex, -0.5 to 0.5."""
    if not 0 < i < values.size - 1:
        return 0.0
    before, peak, after = values[i - 1 : i + 2]
    curve = before - 2 * peak + after
    return float(np.clip(0.5 * (before - after) / curve, -0.5, 0.5)) if curve < 0 else 0.0


@lru_cache(maxsize=8)
def _offsets(config: WaveformConfig) -> np.ndarray:
    """int [active]: subcarrier numbers, 0 at the carrier."""
    return np.round(ResourceGrid(config).frequencies_hz / config.subcarrier_spacing_hz).astype(int)


def strongest_path_samples(channel: np.ndarray, config: WaveformConfig) -> float:
    """Delay of the strongest path in samples from the FFT window's start, fractional.

    channel: complex [antennas, active].
    """
    n = config.fft_size
    bins = np.zeros((len(channel), n * PEAK_OVERSAMPLING), np.complex64)
    bins[:, _offsets(config)] = channel
    power = np.sum(np.abs(scipy.fft.ifft(bins, axis=1)) ** 2, axis=0)
    i = int(np.argmax(power))
    around = power.take([i - 1, i, i + 1], mode="wrap")
    delay = (i + _vertex(around, 1)) / PEAK_OVERSAMPLING
    return float(delay - n if delay > n / 2 else delay)
