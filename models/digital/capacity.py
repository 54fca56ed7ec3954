"""What the multiple-access channel can carry at best: fair rates inside its capacity region."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray


def fair_rates(gains: NDArray[np.inexact], snr_db: float) -> NDArray[np.float64]:
    """Max-min fair rates of the Gaussian multiple-access channel, bits per channel use: float64 [users].

    gains: h_i, [users], [users, symbols] (rates are then means over the symbols) or [users, antennas, symbols]. Users
    have power 1/N each and noise power an antenna is 10^(-snr_db/10). The region is, for every set S of users (Cover
    and Thomas, 15.3.6; for antennas Tse and Viswanath, 10.1),

        sum_{i in S} R_i <= mean log2 det(I + sum_{i in S} h_i h_i^H / (N noise)).

    All rates rise together until a set is full; its users stay, the others go on. No digital scheme that treats
    users fairly sends more, whatever its code.
    """
    users = len(gains)
    seen = gains.reshape(users, gains.shape[1] if gains.ndim == 3 else 1, -1) * np.sqrt(10 ** (snr_db / 10) / users)
    sets = [subset for size in range(1, users + 1) for subset in combinations(range(users), size)]
    limits = {subset: _sum_rate(seen[list(subset)]) for subset in sets}
    rates, rising = np.zeros(users), set(range(users))
    while rising:
        # How far each set lets its rising users still go, from zero, given the users that stay.
        levels = {
            subset: (limit - sum(rates[i] for i in subset if i not in rising)) / len(rising.intersection(subset))
            for subset, limit in limits.items()
            if rising.intersection(subset)
        }
        level = min(levels.values())
        full = {i for subset, reach in levels.items() if reach <= level + 1e-12 for i in subset if i in rising}
        for user in full:
            rates[user] = level
        rising -= full
    return rates


def _sum_rate(seen: NDArray[np.inexact]) -> float:
    """mean log2 det(I + sum_i h_i h_i^H) of channels [users, antennas, symbols] over noise of unit power."""
    if seen.shape[1] == 1:
        return float(np.log2(1 + np.square(np.abs(seen)).sum(axis=(0, 1))).mean())
    stacked = seen.transpose(2, 1, 0)
    covariance = np.eye(seen.shape[1]) + stacked @ stacked.conj().swapaxes(1, 2)
    return float(np.linalg.slogdet(covariance)[1].mean() / np.log(2))
