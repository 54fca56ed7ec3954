"""One user's channel from its known symbols: least squares, then LMMSE with a prior learnt from the same symbols.

The prior is a cluster of paths (see `delay_profile`) whose onset, spread and power maximise the evidence (see
`delay_search`) of the least-squares mean H over m symbols, v = noise_power / m (empirical Bayes; Bishop, "Pattern
Recognition and Machine Learning", 3.5). With its eigenvectors V at their onset and prior powers p

    estimate = V diag(p / (p + v)) V^H H

Single paths that this cannot explain are then added (see `path_search`).
"""

import numpy as np

from radio import acceleration
from radio.waveform.channel.beyond_prefix import beyond_prefix
from radio.waveform.channel.delay_basis import conjugate_delay_basis, transposed_delay_basis
from radio.waveform.channel.delay_profile import clusters
from radio.waveform.channel.delay_refinement import climb, cluster_estimate
from radio.waveform.channel.delay_search import search
from radio.waveform.channel.path_search import with_paths
from radio.waveform.config import WaveformConfig

SINGLE_PATH_BONUS = 2.0  # log prior odds against a spread that is not needed
PATHS_FROM_SPREAD = 0.7  # samples; narrower clusters are told from separate paths by nothing


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
        every = [with_paths(measured, one, config, variance) for one in tried]
        explained = max(every, key=lambda one: one.evidence)
        estimate, parameters, delays = explained.estimate, explained.parameters, explained.delays
    # A delay found from the data costs half as much as a complex amplitude.
    error = variance * (parameters + 0.5 * delays / len(measured)) / config.active_subcarriers
    longer = beyond_prefix(measured - estimate, config, variance, parameters)
    if longer is not None:
        estimate, error = estimate + longer[0], error + longer[1]
    return estimate, error


def share_beyond_prefix(channel: np.ndarray, config: WaveformConfig) -> float:
    """Of the power of a channel complex64 [antennas, active], what comes later than the cyclic prefix lasts."""
    amplitudes = channel @ conjugate_delay_basis(config)
    within = float(np.vdot(amplitudes, amplitudes).real)
    return max(0.0, 1 - within / max(float(np.vdot(channel, channel).real), 1e-30))
