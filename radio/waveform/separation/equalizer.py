"""Every user's view of a resource element that all users share.

y = sum_j g_j x_j + n, independent x_j of unit power, n of noise_power per antenna. The linear estimate of x_i with
the least mean square error, aligned in phase to user i and left biased (its size tells how far to trust it), is

    z_i = g_i^H (sum_j g_j g_j^H + noise_power I)^-1 y,   with one antenna   conj(g_i) y / (sum_j |g_j|^2 + noise_power)
"""

import numpy as np


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


def lmmse_features(received: np.ndarray, gains: np.ndarray, noise_power: float) -> np.ndarray:
    """Views complex64 [users, n] from received complex [antennas, n] and gains complex [users, antennas, n]."""
    weights = lmmse_weights(gains, noise_power)
    return np.einsum("uan,an->un", weights.conj(), received).astype(np.complex64)
