"""The quality of a payload as its decoder needs it: signal over disturbance, per OFDM symbol and as one figure."""

from dataclasses import dataclass

import numpy as np

LEAST_ERROR, MOST_ERROR = 1e-6, 1 - 1e-4  # of an LMMSE estimate: 60 and -40 dB


@dataclass(frozen=True)
class PayloadQuality:
    """What the payload itself shows of one user, symbol by symbol.

    snr: float64 [symbols], linear: the user's power in a channel use, over all antennas, over the power of all that the
    receiver cannot explain there (noise, other systems, its own errors); what a symbol has that no other user sends on,
    for unit power. sinr: float64 [symbols], after separation, for symbols on which every user sends with unit power.
    Both are effective over the subcarriers (see `effective`). hit: bool [symbols], far worse than the rest of the
    burst; erased: bool [symbols], those of them with nothing of the user in them, whose features are 0. gain_steps,
    slipped_samples: changes of gain and of timing within the burst that were followed.
    """

    snr: np.ndarray
    sinr: np.ndarray
    hit: np.ndarray
    erased: np.ndarray
    heard: bool = True
    gain_steps: int = 0
    slipped_samples: int = 0

    @property
    def snr_db(self) -> float:
        return decibels(effective(self.snr))

    @property
    def sinr_db(self) -> float:
        return decibels(effective(self.sinr))

    @property
    def erased_share(self) -> float:
        return float(self.erased.mean()) if self.erased.size else 0.0


def effective(sinr: np.ndarray) -> float:
    """The linear SINR with the mean LMMSE error of linear SINRs [n]: mean(1 / (1 + sinr_i)) = 1 / (1 + sinr)."""
    return from_error(float(np.mean(1 / (1 + sinr)))) if sinr.size else 0.0


def from_error(error: float) -> float:
    """The linear SINR that leaves this mean square error of unit-power symbols."""
    return 1 / min(max(error, LEAST_ERROR), MOST_ERROR) - 1


def decibels(sinr: float) -> float:
    return float(10 * np.log10(max(sinr, 1e-4)))
