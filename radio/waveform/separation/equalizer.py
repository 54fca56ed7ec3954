"""Every user's view of a resource element that all users share.

y = sum_j g_j x_j + n, independent x_j of unit power, n of noise_power per antenna. The linear estimate of x_i with
the least mean square error, aligned in phase to user i and left biased (its size tells how far to trust it), is

    z_i = g_i^H (sum_j g_j g_j^H + noise_power I)^-1 y,   with one antenna   conj(g_i) y / (sum_j |g_j|^2 + noise_power)
"""

import math

import numpy as np

from radio import acceleration


def lmmse_weights(gains: np.ndarray, noise_power: float) -> np.ndarray:
    """Weights w with z_i = sum_a conj(w_i,a) y_a: complex64 [users, antennas, n].

    gains: complex [users, antennas, n], 0 for absent users; noise_power: linear, above 0.
    """
    if gains.shape[1] == 1:
        total = np.sum(gains.real**2 + gains.imag**2, axis=0) + noise_power
        return (gains / total).astype(np.complex64, copy=False)
    stacked = gains.transpose(2, 1, 0)  # [n, antennas, users]
    covariance = stacked @ stacked.conj().swapaxes(1, 2) + noise_power * np.eye(gains.shape[1])
    return np.linalg.solve(covariance, stacked).transpose(2, 1, 0).astype(np.complex64)


def lmmse_weights_of(gains: np.ndarray, noise_power: float, user: int) -> np.ndarray:
    """Those of one user, complex64 [antennas, n]; see `lmmse_weights`. gains: complex64, contiguous."""
    if acceleration.NUMBA:
        return np.asarray(_weights_compiled(gains, noise_power, user))
    return lmmse_weights(gains, noise_power)[user]


@acceleration.compiled
def _weights_compiled(gains: np.ndarray, noise_power: float, user: int) -> np.ndarray:
    """By Cholesky's factor L of the covariance: its diagonal is kept as one over it."""
    users, antennas, n = gains.shape
    out, factor = np.empty((antennas, n), np.complex64), np.empty((antennas, antennas), np.complex128)
    solved = np.empty(antennas, np.complex128)
    for k in range(n):
        for a in range(antennas):
            for b in range(a + 1):
                value = complex(noise_power, 0.0) if a == b else 0j
                for j in range(users):
                    value += complex(gains[j, a, k]) * complex(gains[j, b, k]).conjugate()
                for c in range(b):
                    value -= factor[a, c] * factor[b, c].conjugate()
                factor[a, b] = 1 / math.sqrt(max(value.real, 1e-300)) if a == b else value * factor[b, b]
        for a in range(antennas):
            value = complex(gains[user, a, k])
            for c in range(a):
                value -= factor[a, c] * solved[c]
            solved[a] = value * factor[a, a]
        for i in range(antennas):
            a = antennas - 1 - i
            value = solved[a]
            for c in range(a + 1, antennas):
                value -= factor[c, a].conjugate() * solved[c]
            solved[a] = value * factor[a, a]
            out[a, k] = solved[a]
    return out


def lmmse_features(received: np.ndarray, gains: np.ndarray, noise_power: float) -> np.ndarray:
    """Views complex64 [users, n] from received complex [antennas, n] and gains complex [users, antennas, n]."""
    weights = lmmse_weights(gains, noise_power)
    return np.einsum("uan,an->un", weights.conj(), received).astype(np.complex64)
