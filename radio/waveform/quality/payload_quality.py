"""The quality of a payload as its decoder needs it: signal over disturbance, per OFDM symbol and as one figure."""

from dataclasses import dataclass, replace

import numpy as np

LEAST_ERROR, MOST_ERROR = 1e-6, 1 - 1e-4  # of an LMMSE estimate: 60 and -40 dB
LEAST_POWER = 1e-30  # full scale is 1: a burst without any noise has a finite quality


@dataclass(frozen=True)
class PayloadQuality:
    """What the payload itself shows of one user, symbol by symbol.

    power: float64 [active], of the user in a channel use, summed over the antennas. disturbed: float64 [symbols], power
    of all that no user's signal explains, per channel use and antenna: noise, other systems, the receiver's own errors.
    Where noise is not white, both are as in samples whose noise is. trained_sinr: the user's linear SNR as the training
    had it, before anything was rejected. separated: float32 [kinds, parts, active], linear SINR after the
    separation of every kind of channel use that the user sends (others may be silent or louder in some), each part for
    the next lengths int [parts] of the symbols; shares: float [kinds], of the user's channel uses. hit: bool [symbols],
    far worse than the rest of the burst; erased: those of them with nothing of the user in them, whose features are 0.
    heard: whether the pilots show that the user is there at all. gain_steps, slipped_samples: changes of gain and of
    timing within the burst that were followed.
    """

    power: np.ndarray
    disturbed: np.ndarray
    trained_sinr: float
    separated: np.ndarray
    shares: np.ndarray
    lengths: np.ndarray
    hit: np.ndarray
    erased: np.ndarray
    heard: bool = True
    gain_steps: int = 0
    slipped_samples: int = 0

    @property
    def sinr(self) -> np.ndarray:
        """float64 [symbols], linear: the user's power, antennas combined, over the disturbance."""
        return np.asarray(float(self.power.mean()) / np.maximum(self.disturbed, LEAST_POWER))

    @property
    def separated_sinr(self) -> np.ndarray:
        """float64 [symbols], linear, effective over the subcarriers: after separation."""
        error = self.shares @ np.mean(1 / (1 + self.separated), axis=2, dtype=np.float64)
        return np.repeat(1 / np.clip(error, LEAST_ERROR, MOST_ERROR) - 1, self.lengths)

    @property
    def sinr_db(self) -> float:
        """`sinr` as one figure, effective over the symbols."""
        return decibels(effective(self.sinr))

    @property
    def separated_sinr_db(self) -> float:
        """`separated_sinr` as one figure, effective over the symbols."""
        return decibels(effective(self.separated_sinr))

    @property
    def excess_db(self) -> float:
        """By how much the payload is worse than the training's SNR, 0 for an undisturbed burst in white noise; below 0
        where interference is rejected."""
        return decibels(self.trained_sinr) - self.sinr_db

    @property
    def erased_share(self) -> float:
        """Erased OFDM symbols over all of them, 0 to 1."""
        return float(self.erased.mean()) if self.erased.size else 0.0

    def part(self, symbols: slice) -> "PayloadQuality":
        """That of some of the symbols; steps and slips, which are the whole payload's, stay with its beginning."""
        first, behind, _ = symbols.indices(self.disturbed.size)
        ends = np.cumsum(self.lengths)
        lengths = np.clip(ends, first, behind) - np.clip(ends - self.lengths, first, behind)
        left = lengths > 0
        return replace(
            self,
            disturbed=self.disturbed[symbols],
            separated=self.separated[:, left],
            lengths=lengths[left],
            hit=self.hit[symbols],
            erased=self.erased[symbols],
            gain_steps=self.gain_steps if first == 0 else 0,
            slipped_samples=self.slipped_samples if first == 0 else 0,
        )

    def symbol_sinr(self) -> tuple[np.ndarray, np.ndarray]:
        """float64 [n] twice: the linear SINRs after separation that the user's symbols have, and how many have each."""
        counts = self.shares[:, None] * self.lengths
        return np.asarray(self.separated.reshape(-1), np.float64), np.repeat(counts, self.separated.shape[2])


def effective(sinr: np.ndarray) -> float:
    """The linear SINR with the mean LMMSE error of linear SINRs [n]: mean(1 / (1 + sinr_i)) = 1 / (1 + sinr)."""
    error = float(np.mean(1 / (1 + sinr))) if sinr.size else 1.0
    return 1 / min(max(error, LEAST_ERROR), MOST_ERROR) - 1


def decibels(sinr: float) -> float:
    """Of a linear SINR; -40 dB or more."""
    return float(10 * np.log10(max(sinr, 1e-4)))
