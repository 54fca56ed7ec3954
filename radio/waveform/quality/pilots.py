"""A user's pilots in a payload, after phase and timing were undone: what the receiver's model does not explain.

On its pilots only their owner sends, with known values x of power `users`. With the channel g as it was measured before
the payload, r = y - g x is noise, interference and the errors of channel and tracking together, on the very symbol that
carries data.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from radio import acceleration
from radio.waveform.burst.grid import ResourceGrid


@dataclass(frozen=True)
class PilotView:
    """What a user's pilots show of each payload symbol.

    products: complex64 [symbols, pilots], conj(g x) y summed over the antennas, with phase and timing undone; total:
    complex128 [symbols], their sum; energy: float64 [symbols], sum of |g x|^2; power: float64 [symbols], sum of |y|^2;
    numbers: int [symbols, pilots], subcarriers, 0 at the carrier; dimensions: complex values in a symbol.
    """

    products: np.ndarray
    total: np.ndarray
    energy: np.ndarray
    power: np.ndarray
    numbers: np.ndarray
    dimensions: int

    @property
    def amplitude(self) -> np.ndarray:
        """complex128 [symbols]: how large the user arrives, 1 as in the training (least squares)."""
        return np.asarray(self.total / np.maximum(self.energy, 1e-30))

    @property
    def residual(self) -> np.ndarray:
        """float64 [symbols]: sum of |y - g x|^2."""
        return np.asarray(np.maximum(self.power - 2 * self.total.real + self.energy, 0))

    @property
    def scatter(self) -> np.ndarray:
        """float64 [symbols]: variance of a value about amplitude times g x, unbiased."""
        explained = (self.total.real**2 + self.total.imag**2) / np.maximum(self.energy, 1e-30)
        return np.asarray(np.maximum(self.power - explained, 0) / max(self.dimensions - 1, 1))


def view_pilots(
    bins: np.ndarray,
    grid: ResourceGrid,
    user: int,
    channel: np.ndarray,
    delay_samples: np.ndarray,
    phase_rad: np.ndarray,
) -> PilotView:
    """bins: complex64 [antennas, symbols, active]; channel: complex64 [antennas, active], or [antennas, symbols,
    active] where it moves; delay_samples, phase_rad: float [symbols], to be undone as in `straightening`.
    """
    n_symbols = bins.shape[1]
    positions, values = grid.pilot_positions(n_symbols)[user], grid.pilot_values(user, n_symbols)
    numbers, step = _numbers(grid, n_symbols)[user], 2 * np.pi / grid.config.fft_size * delay_samples
    view = _viewed_compiled if acceleration.NUMBA and channel.ndim == 2 else _viewed
    products, energy, power = view(bins, channel, positions, values, numbers, step, phase_rad)
    total = products.sum(axis=1, dtype=np.complex128)
    return PilotView(products, total, energy, power, numbers, len(bins) * positions.shape[1])


@lru_cache(maxsize=8)
def _numbers(grid: ResourceGrid, n_symbols: int) -> np.ndarray:
    """int [users, symbols, pilots]: the pilots' subcarriers; there is none at the carrier itself, 0."""
    positions, half = grid.pilot_positions(n_symbols), grid.config.active_subcarriers // 2
    numbers = positions - half + (positions >= half)
    numbers.setflags(write=False)
    return numbers


def _viewed(
    bins: np.ndarray,
    channel: np.ndarray,
    positions: np.ndarray,
    values: np.ndarray,
    numbers: np.ndarray,
    step: np.ndarray,
    phase: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """products, energy and power of a `PilotView`. step: radians per subcarrier, float [symbols]."""
    seen = bins[:, np.arange(len(positions))[:, None], positions]
    rows = np.arange(len(positions))[:, None]
    expected = (channel[:, positions] if channel.ndim == 2 else channel[:, rows, positions]) * values
    turn = np.exp(1j * (step[:, None] * numbers - phase[:, None]))
    products = np.sum(seen * expected.conj(), axis=0) * turn
    energy = np.asarray(np.sum(np.abs(expected) ** 2, axis=(0, 2), dtype=np.float64))
    power = np.asarray(np.sum(np.abs(seen) ** 2, axis=(0, 2), dtype=np.float64))
    return products.astype(np.complex64), energy, power


@acceleration.compiled
def _viewed_compiled(
    bins: np.ndarray,
    channel: np.ndarray,
    positions: np.ndarray,
    values: np.ndarray,
    numbers: np.ndarray,
    step: np.ndarray,
    phase: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    symbols, pilots = positions.shape
    products = np.empty((symbols, pilots), np.complex64)
    energy, power = np.zeros(symbols), np.zeros(symbols)
    for m in range(symbols):
        for i in range(pilots):
            k, summed = positions[m, i], 0j
            for antenna in range(bins.shape[0]):
                y, expected = bins[antenna, m, k], channel[antenna, k] * values[m, i]
                summed += y * expected.conjugate()
                energy[m] += expected.real * expected.real + expected.imag * expected.imag
                power[m] += y.real * y.real + y.imag * y.imag
            angle = step[m] * numbers[m, i] - phase[m]
            products[m, i] = summed * complex(math.cos(angle), math.sin(angle))
    return products, energy, power
