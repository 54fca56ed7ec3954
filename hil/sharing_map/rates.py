"""What capacity says: users who take turns beside users at the same time.

Rates are bits per channel use of the whole spectrum and user, in the mean over draws, users of equal mean power, codes
that see one draw. Taking turns, a user has 1/N of the uses, N times the power there and the antennas' maximum-ratio
combination; superposed, the receiver separates by LMMSE and takes the others for noise.
"""

from dataclasses import dataclass

import numpy as np

from models.separation import lmmse


@dataclass(frozen=True)
class Rates:
    """parted, superposed: as above; grouped: the best of any number of even groups, at random, which are superposed
    within and take turns; joint: an N-th of the sum capacity, which joint decoding reaches.
    """

    parted: float
    superposed: float
    grouped: float
    joint: float


def rates(draws: np.ndarray, snr_db: float) -> Rates:
    """draws: complex [draws, antennas, users, n] of unit mean power."""
    users = draws.shape[2]
    gains = draws.transpose(2, 1, 0, 3).reshape(users, draws.shape[1], -1)
    snr = 10 ** (snr_db / 10)
    parted = np.log2(1 + snr * np.sum(np.abs(gains) ** 2, axis=1)).mean() / users
    grouped = [_grouped(gains, snr, number) for number in range(1, users + 1)]
    stacked = gains.transpose(2, 1, 0)
    covariance = np.eye(gains.shape[1]) + snr / users * (stacked @ stacked.conj().swapaxes(1, 2))
    joint = np.linalg.slogdet(covariance)[1].mean() / np.log(2) / users
    return Rates(float(parted), grouped[0], max(grouped), float(joint))


def _grouped(gains: np.ndarray, snr: float, number: int) -> float:
    """Rate in ``number`` groups that take turns; gains: complex [users, antennas, n]."""
    users = len(gains)
    found = []
    for group in range(number):
        members = gains[group::number]
        _, sinr = lmmse(members, np.full(len(members), number / users), 1 / snr)
        found.append(np.log2(1 + sinr) / number)
    return float(np.concatenate(found).mean())
