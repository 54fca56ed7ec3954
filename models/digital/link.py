"""A real digital link: users take turns, each with 5G LDPC and QAM at the best rate for its SNR.

The thresholds in ``link_table.json`` were measured with ``python -m models.digital.measure_link`` (Sionna's 5G LDPC
code, Gray QAM, exact demapping): the least SNR in dB, on a grid of 0.25 dB, at which at most 1 % of blocks fail. A
link is taken to deliver everything from its threshold on, which again favours digital transmission.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rate:
    """One modulation and code rate. threshold_db: SNR per symbol from which blocks arrive."""

    bits_per_symbol: int
    code_rate: float
    block_symbols: int
    threshold_db: float

    @property
    def efficiency(self) -> float:
        """Information bits per channel use."""
        return self.bits_per_symbol * self.code_rate


@cache
def measured_rates() -> tuple[Rate, ...]:
    """Every measured rate."""
    rows = json.loads((files("models.digital") / "link_table.json").read_text(encoding="utf-8"))["rates"]
    return tuple(Rate(**row) for row in rows)


def best_efficiency(snr_db: float, symbols: int) -> float:
    """Information bits per channel use of the best rate at ``snr_db``; 0 below every threshold.

    symbols: channel uses of the user's turn; blocks longer than the turn are not used (except the shortest ones).
    """
    rates = measured_rates()
    longest_usable = max(symbols, min(rate.block_symbols for rate in rates))
    usable = [rate for rate in rates if rate.threshold_db <= snr_db and rate.block_symbols <= longest_usable]
    return max((rate.efficiency for rate in usable), default=0.0)


def time_shared_bits(gains: NDArray[np.float64], snr_db: float, channel_uses: int) -> NDArray[np.float64]:
    """Information bits of every user's picture: float64 [users].

    gains: |h_i|, float64 [users] or [users, symbols]. In its k/N channel uses a user sends with the whole power, so
    its SNR is |h_i|^2 10^(snr_db/10). Where gains differ between symbols the SNR is the one of equal mean
    capacity (mutual-information effective SNR).
    """
    gains = gains[:, None] if gains.ndim == 1 else gains
    turn = channel_uses // len(gains)
    capacity = np.log2(1 + np.square(gains) * 10 ** (snr_db / 10)).mean(axis=1)
    effective_db = 10 * np.log10(np.maximum(2**capacity - 1, 1e-12))
    return np.array([turn * best_efficiency(float(one), turn) for one in effective_db])
