"""One user's known elements, training and pilots, as a moving channel's estimate takes them (see `tracking.motion`)."""

from dataclasses import dataclass

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import BITS_STEP
from radio.waveform.reception.user import Reception
from radio.waveform.tracking.motion import Known, Sums
from radio.waveform.tracking.straightening import ramps

BLOCK_SYMBOLS = BITS_STEP  # of payload, over which a channel counts as standing
LOOK_SYMBOLS = 2  # of training, likewise


@dataclass(frozen=True)
class KnownElements:
    """training: complex64 [antennas, m, active], values divided out; pilots: complex64 [antennas, symbols, p], times
    conj(x), |x|^2 is `users`; positions, numbers: int [symbols, p], among the active subcarriers, and from the carrier;
    training_at, payload_at: float64 [m], [symbols], samples from where timing is right to their windows; lengths: int
    [blocks]."""

    grid: ResourceGrid
    training: np.ndarray
    pilots: np.ndarray
    positions: np.ndarray
    numbers: np.ndarray
    training_at: np.ndarray
    payload_at: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, grid: ResourceGrid, one: Reception, bins: np.ndarray) -> "KnownElements":
        """bins: complex64 [antennas, symbols, active] of the payload in windows that follow nothing."""
        n_symbols = bins.shape[1]
        positions, values = grid.pilot_positions(n_symbols)[one.user], grid.pilot_values(one.user, n_symbols)
        half = grid.config.active_subcarriers // 2
        numbers = positions - half + (positions >= half)  # there is no subcarrier at the carrier itself
        seen = bins[:, np.arange(n_symbols)[:, None], positions] * values.conj()
        starts = one.window_starts(grid, grid.payload_start, n_symbols)
        lengths = np.full(-(-n_symbols // BLOCK_SYMBOLS), BLOCK_SYMBOLS)
        lengths[-1] -= lengths.sum() - n_symbols
        at = one.times - one.channel_time, starts - one.channel_time
        return cls(grid, one.observations, seen, positions, numbers, *at, lengths)

    def undone(self, clock: float, training_phase: np.ndarray, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """training and pilots with a clock's drift and phases float64 [m], [symbols] undone."""
        turn = -clock * 2 * np.pi / self.grid.config.fft_size * self.payload_at[:, None] * self.numbers
        training = self.training * ramps(-clock * self.training_at, training_phase, self.grid)
        return training, self.pilots * np.exp(1j * (turn - phase[:, None]))

    def looks(self) -> np.ndarray:
        """complex64 [antennas * looks, active]: the training's means over LOOK_SYMBOLS neighbours."""
        antennas, symbols, active = self.training.shape
        looks = symbols // LOOK_SYMBOLS
        parts = self.training[:, : looks * LOOK_SYMBOLS].reshape(antennas * looks, LOOK_SYMBOLS, active)
        return np.asarray(parts.mean(axis=1))

    def by_block(self, values: np.ndarray) -> np.ndarray:
        """Mean of float64 [symbols] over the blocks: float64 [blocks]."""
        return np.asarray(np.add.reduceat(values, np.cumsum(self.lengths) - self.lengths) / self.lengths)


class AtomSums:
    """Sums over known elements for atoms complex128 [active, r]; pilots count as much as they fit these."""

    def __init__(self, elements: KnownElements, atoms: np.ndarray, training_variance: float) -> None:
        self._elements, self._conjugate, self._variance = elements, atoms.conj(), training_variance
        self._rows = self._conjugate[elements.positions]  # [symbols, p, r]
        self._begins = np.cumsum(elements.lengths) - elements.lengths
        users = elements.grid.config.users
        period = len(np.unique(elements.positions[:, 0]))
        unique, kinds = np.unique(np.stack([self._begins % period, elements.lengths]), axis=1, return_inverse=True)
        grams = [self._conjugate.T @ atoms]
        for begin, length in unique.T:
            of_block = self._rows[begin : begin + length].reshape(-1, atoms.shape[1])
            grams.append(users * of_block.T @ of_block.conj())
        count, rate_hz = elements.training_at.size, elements.grid.config.sample_rate_hz
        self._grams, self._kinds = np.stack(grams), np.concatenate([np.zeros(count, int), 1 + kinds.reshape(-1)])
        self._times_s = np.concatenate([elements.training_at, elements.by_block(elements.payload_at)]) / rate_hz
        self._weight = 0.0
        self._known: Known | None = None

    def of(self, training: np.ndarray, pilots: np.ndarray) -> Sums:
        """training, pilots: see `KnownElements.undone`; the first ones say how much pilots count."""
        each = (pilots.swapaxes(0, 1) @ self._rows).swapaxes(0, 1)  # [antennas, symbols, r]
        matched = np.add.reduceat(each, self._begins, axis=1)
        trained = training @ self._conjugate / self._variance
        if self._known is None:
            self._weight = self._pilots_weigh(pilots, matched)
            weights = np.full(self._kinds.size, self._weight)
            weights[: trained.shape[1]] = 1 / self._variance
            self._known = Known(self._grams, self._kinds, weights, self._times_s)
        return Sums(self._known, np.concatenate([trained, matched * self._weight], axis=1))

    def _pilots_weigh(self, pilots: np.ndarray, matched: np.ndarray) -> float:
        """One over the pilots' noise power, from what the atoms, fitted to each block by itself, leave of them.

        Others' payloads fall on pilots where carriers are far apart.
        """
        config = self._elements.grid.config
        noise_power = self._variance * float(self._elements.grid.training_boost) ** 2
        grams = self._grams[self._kinds[self._kinds > 0]]
        inverse = np.linalg.inv(grams / noise_power + np.eye(grams.shape[1])) / noise_power
        power = float(np.sum(np.abs(pilots) ** 2)) / config.users
        explained = np.einsum("abr,brs,abs->", matched.conj(), inverse, matched, optimize=True).real
        held = np.einsum("brs,bsr->", inverse, grams).real
        left = (power - float(explained)) / max(pilots.size - float(held) * len(pilots), 1.0)
        return 1 / max(left, noise_power)
