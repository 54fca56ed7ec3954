"""Where a channel's energy lies in delay, from several looks at it that need not show the same amplitudes.

What `estimation` learns from one look at several antennas, which share a prior, is learnt here from looks at other
times as well: paths move in phase long before they move in delay.
"""

import numpy as np

from radio.waveform.channel.delay_profile import clusters, relative_frequencies
from radio.waveform.channel.delay_refinement import climb
from radio.waveform.channel.delay_search import kept_ranks, search
from radio.waveform.channel.path_search import with_paths
from radio.waveform.config import WaveformConfig


def delay_prior(looks: np.ndarray, config: WaveformConfig, variance: float, most: int) -> np.ndarray:
    """Atoms complex128 [active, r], r <= most, strongest first: a channel is their sum with amplitudes of variance 1.

    looks: complex64 [looks, active], each with noise of this variance.
    """
    power = float(np.vdot(looks, looks).real) / looks.size
    variance = max(variance, 1e-12 * power, 1e-30)
    best = max(search(looks, config, variance, power), key=lambda one: one.evidence)
    best = climb(looks, config, variance, best)
    frequencies, cluster = relative_frequencies(config), clusters(config)[best.cluster]
    kept = kept_ranks(cluster.powers, best.power / variance)
    turn = np.exp(-2j * np.pi * best.onset * frequencies)[:, None]
    atoms = [cluster.vectors[:, :kept] * turn * np.sqrt(cluster.powers[:kept] * best.power)]
    for delay, path_power in with_paths(looks, best, config, variance).paths:
        atoms.append(np.sqrt(path_power) * np.exp(-2j * np.pi * delay * frequencies)[:, None])
    # The same covariance by its strongest directions: atoms may overlap.
    vectors, values, _ = np.linalg.svd(np.concatenate(atoms, axis=1), full_matrices=False)
    return np.asarray((vectors * values)[:, : min(most, int(np.count_nonzero(values > 1e-6 * values[0])))])
