"""What the multiple-access channel can carry at best: fair rates inside its capacity region."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray


def fair_rates(gains: NDArray[np.float64], snr_db: float) -> NDArray[np.float64]:
    """Max-min fair rates of the Gaussian multiple-access channel, bits per channel use: float64 [users].

    gains: |h_i|, float64 [users] or [users, symbols] (rates are then means over the symbols). Users have power 1/N
    each and noise power is 10^(-snr_db/10). The region is, for every set S of users (Cover and Thomas, 15.3.6),

        sum_{i in S} R_i <= mean log2(1 + sum_{i in S} |h_i|^2 / (N noise)).

    All rates rise together until a set is full; its users stay, the others go on. No digital scheme that treats
    users fairly sends more, whatever its code.
    """
    gains = gains[:, None] if gains.ndim == 1 else gains
    users = len(gains)
    received = np.square(gains) / users * 10 ** (snr_db / 10)
    sets = [subset for size in range(1, users + 1) for subset in combinations(range(users), size)]
    limits = {subset: float(np.log2(1 + received[list(subset)].sum(axis=0)).mean()) for subset in sets}
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
