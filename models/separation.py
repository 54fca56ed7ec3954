"""What a receiver with one or several antennas makes of users who share channel uses: LMMSE, and the SINR after it.

Antennas receive y = sum_j g_j x_j + n, where x_j has power p_j (0 where user j is silent) and n has noise_power an
antenna. With R = sum_j p_j g_j g_j^H + noise_power I, user i's estimate is z_i = p_i g_i^H R^-1 y; of it
b_i = p_i g_i^H R^-1 g_i is signal, and its SINR is b_i / (1 - b_i) (Tse and Viswanath, Fundamentals of Wireless
Communication, 2005, section 8.3.3). numpy only.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

MOST_SIGNAL = 1 - 1e-9  # of an estimate: 90 dB


def lmmse(
    gains: NDArray[np.complexfloating], powers: NDArray[np.float64], noise_power: float
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Weights complex128 [users, antennas, n], z_i = sum_a conj(w_ia) y_a, and linear SINRs float64 [users, n].

    gains: complex [users, antennas, n]; powers: float [users], 0 for a silent user; noise_power: above 0.
    """
    heard = (gains * np.sqrt(powers)[:, None, None]).transpose(2, 1, 0).astype(np.complex128)  # [n, antennas, users]
    if gains.shape[1] == 1:
        solved = heard / (np.square(np.abs(heard)).sum(axis=2, keepdims=True) + noise_power)
    else:
        covariance = heard @ heard.conj().swapaxes(1, 2) + noise_power * np.eye(gains.shape[1])
        solved = np.linalg.solve(covariance, heard)
    signal = np.minimum(np.einsum("nau,nau->un", heard.conj(), solved).real, MOST_SIGNAL)
    return solved.transpose(2, 1, 0) * np.sqrt(powers)[:, None, None], signal / (1 - signal)


def patterns(powers: NDArray[np.float64]) -> Iterator[tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """Every different column [users] of powers [users, channels], and the channels int64 [n] that have it."""
    columns, which = np.unique(powers, axis=1, return_inverse=True)
    for number in range(columns.shape[1]):
        yield columns[:, number], np.flatnonzero(which.reshape(-1) == number)


def sinr_by_channel(
    gains: NDArray[np.complexfloating], powers: NDArray[np.float64], noise_power: float
) -> NDArray[np.float64]:
    """Linear SINRs float64 [users, channels, n] of the symbols on every channel, 0 where a user is silent.

    gains: complex [users, antennas, n], of the places that every channel's symbols are spread over evenly;
    powers: float [users, channels] (`Sharing.powers`).
    """
    found = np.zeros((*powers.shape, gains.shape[2]))
    for column, channels in patterns(powers):
        found[:, channels] = lmmse(gains, column, noise_power)[1][:, None]
    return found


def sinr_of_users(
    gains: NDArray[np.complexfloating], powers: NDArray[np.float64], noise_power: float
) -> list[NDArray[np.float64]]:
    """`sinr_by_channel` of the symbols that each user sends: a float64 array a user."""
    found = sinr_by_channel(gains, powers, noise_power)
    return [one[power > 0].ravel() for one, power in zip(found, powers, strict=True)]


def separated(
    received: NDArray[np.complexfloating],
    gains: NDArray[np.complexfloating],
    powers: NDArray[np.float64],
    noise_power: float,
) -> tuple[NDArray[np.complex64], list[NDArray[np.float64]]]:
    """Every user's view complex64 [users, k] of a payload, and the linear SINRs of the symbols that it sends.

    received: complex [antennas, k]; gains: complex [users, antennas, k], or [users, antennas, 1] where they are alike;
    powers: float [users, channels], in the order of models/layout.py.
    """
    users, k = len(gains), received.shape[1]
    by_channel = received.reshape(len(received), -1, powers.shape[1])
    views = np.zeros((users, by_channel.shape[1], powers.shape[1]), np.complex64)
    found: list[list[NDArray[np.float64]]] = [[] for _ in range(users)]
    for column, channels in patterns(powers):
        seen = by_channel[:, :, channels].reshape(len(received), -1)
        there = gains
        if gains.shape[2] > 1:
            there = gains.reshape(users, len(received), -1, powers.shape[1])[..., channels].reshape(
                *gains.shape[:2], -1
            )
        weights, sinr = lmmse(there, column, noise_power)
        estimates = np.sum(weights.conj() * seen, axis=1)
        views[:, :, channels] = estimates.reshape(users, -1, channels.size)
        for user in np.flatnonzero(column):
            found[user].append(np.broadcast_to(sinr[user], seen.shape[1]))
    return views.reshape(users, k), [np.concatenate(one) if one else np.zeros(1) for one in found]
