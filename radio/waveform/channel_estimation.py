"""One user's channel from its known symbols: least squares, then LMMSE with a prior learnt from the same symbols.

The prior is a cluster of paths (see `delay_profile`) whose onset, spread and power maximise the evidence (see
`delay_search`) of the least-squares mean H over m symbols, v = noise_power / m (empirical Bayes; Bishop, "Pattern
Recognition and Machine Learning", 3.5). With its eigenvectors V at their onset and prior powers p

    estimate = V diag(p / (p + v)) V^H H

Single paths that this cannot explain are then added one by one while each raises the evidence enough (the fast
marginal likelihood step of Tipping and Faul, 2003).
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from radio import acceleration
from radio.waveform.config import WaveformConfig
from radio.waveform.delay_basis import conjugate_delay_basis, transposed_delay_basis
from radio.waveform.delay_profile import clusters, relative_frequencies, subcarrier_numbers
from radio.waveform.delay_refinement import atoms, climb, cluster_estimate
from radio.waveform.delay_search import EARLIEST_ONSET, Found, search
from radio.waveform.strongest_path import vertex

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


def delay_limited_estimate(measured: np.ndarray, config: WaveformConfig, variance: float) -> np.ndarray:
    """A quick estimate complex64 [antennas, active]: least squares over the delays that the prefix allows, shrunk.

    Arguments as for `estimate_channel`. Good enough to read a header with.
    """
    shrunk = _shrunk_compiled if acceleration.NUMBA else _shrunk
    return np.asarray(shrunk(measured, conjugate_delay_basis(config), transposed_delay_basis(config), variance))


def _shrunk(measured: np.ndarray, conjugate: np.ndarray, transposed: np.ndarray, variance: float) -> np.ndarray:
    amplitudes = measured @ conjugate
    power = (amplitudes.real**2 + amplitudes.imag**2).sum(axis=1, keepdims=True) / amplitudes.shape[1]
    amplitudes *= np.maximum(power - variance, 0) / np.maximum(power, 1e-30)
    return np.asarray(amplitudes @ transposed, np.complex64)


@acceleration.compiled
def _shrunk_compiled(
    measured: np.ndarray, conjugate: np.ndarray, transposed: np.ndarray, variance: float
) -> np.ndarray:
    amplitudes = np.dot(measured, conjugate)
    for row in amplitudes:
        power = 0.0
        for x in row:
            power += x.real * x.real + x.imag * x.imag
        power /= row.size
        row *= np.float32(max(power - variance, 0.0) / max(power, 1e-30))
    return np.dot(amplitudes, transposed)


def estimate_channel(measured: np.ndarray, config: WaveformConfig, variance: float) -> tuple[np.ndarray, float]:
    """LMMSE estimate complex64 [antennas, active] and its expected error power per value.

    measured: complex64 [antennas, active], the channel as seen in known symbols, their mean, carrier undone; variance:
    of the noise in it. The antennas share a prior.
    """
    power = float(np.vdot(measured, measured).real) / measured.size
    variance = max(variance, 1e-12 * power, 1e-30)
    found = search(measured, config, variance, power)
    best = max(found, key=lambda one: one.evidence)
    # One path is always tried too: the grid of onsets is too coarse to do it justice before it is refined, and one
    # path with others added may explain the same better than a wide cluster.
    tried = [climb(measured, config, variance, one) for one in ([found[0], best] if best.cluster else [best])]
    tried[0] = tried[0]._replace(evidence=tried[0].evidence + SINGLE_PATH_BONUS)
    if clusters(config)[best.cluster].spread_samples < PATHS_FROM_SPREAD:
        chosen, delays = max(tried, key=lambda one: one.evidence), 1
        estimate, parameters = cluster_estimate(measured, config, variance, chosen)
    else:
        estimate, parameters, delays = _best_with_paths(measured, tried, config, variance)
    # A delay found from the data costs half as much as a complex amplitude.
    error = variance * (parameters + 0.5 * delays / len(measured)) / config.active_subcarriers
    return estimate, error


def _best_with_paths(
    measured: np.ndarray, tried: list[Found], config: WaveformConfig, variance: float
) -> tuple[np.ndarray, float, int]:
    """The estimate, how many parameters it takes and how many delays, where single paths may join the clusters."""
    candidates = []
    for one in tried:
        prior = _Prior(*atoms(config, one, variance), one.evidence)
        candidates.append(_with_paths(measured.astype(np.complex128), prior, config, variance))
    chosen = max(range(len(tried)), key=lambda i: candidates[i].evidence)
    prior = candidates[chosen]
    if prior.delays == 1:
        return *cluster_estimate(measured, config, variance, tried[chosen]), 1
    mean, covariance = _posterior(measured, prior, variance)
    parameters = float(np.real(np.trace(prior.atoms.conj().T @ prior.atoms @ covariance))) / variance
    return (prior.atoms @ mean).T.astype(np.complex64), parameters, prior.delays


def _posterior(measured: np.ndarray, prior: _Prior, variance: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean [n, antennas] and covariance [n, n] of the atoms' amplitudes."""
    precision = prior.atoms.conj().T @ prior.atoms / variance + np.diag(1 / prior.powers)
    covariance = np.linalg.inv(precision)
    return covariance @ (prior.atoms.conj().T @ measured.T) / variance, covariance


def _with_paths(measured: np.ndarray, prior: _Prior, config: WaveformConfig, variance: float) -> _Prior:
    """Add single paths, the one that raises the evidence most each time, until none is worth it."""
    size, antennas = config.fft_size * 4, len(measured)
    delays = np.arange(int(EARLIEST_ONSET * 4), config.cp_samples * 4)
    frequencies, places = relative_frequencies(config), subcarrier_numbers(config) % size

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
        delay = float(delays[i]) / 4 + vertex(strength, i) / 4
        atom = np.exp(-2j * np.pi * delay * frequencies)[:, None]
        power = (strength[i] - precision[i]) / precision[i] ** 2
        prior = _Prior(
            np.concatenate([prior.atoms, atom], axis=1),
            np.append(prior.powers, power),
            prior.evidence + float(gain[i]) - PATH_GAIN,
            prior.delays + 1,
        )
    return prior
