"""A user's pilots in a payload, after phase and timing were undone: what the receiver's model does not explain.

On its pilots only their owner sends, with known values x of power `users`. With the channel g as it was measured before
the payload, r = y - g x is noise, interference and the errors of channel and tracking together, on the very symbol that
carries data.
"""

from dataclasses import dataclass

import numpy as np

from radio.waveform.burst.grid import ResourceGrid


@dataclass(frozen=True)
class PilotView:
    """What a user's pilots show of each payload symbol.

    products: complex64 [symbols, pilots], conj(g x) y summed over the antennas, with phase and timing undone; expected:
    float32 [symbols, pilots], |g x|^2; power: float64 [symbols], sum of |y|^2; numbers: int [symbols, pilots],
    subcarriers, 0 at the carrier; dimensions: complex values in a symbol.
    """

    products: np.ndarray
    expected: np.ndarray
    power: np.ndarray
    numbers: np.ndarray
    dimensions: int

    @property
    def energy(self) -> np.ndarray:
        """float64 [symbols]: sum of |g x|^2."""
        return np.asarray(self.expected.sum(axis=1, dtype=np.float64))

    @property
    def amplitude(self) -> np.ndarray:
        """complex128 [symbols]: how large the user arrives, 1 as in the training (least squares)."""
        return np.asarray(self.products.sum(axis=1, dtype=np.complex128) / np.maximum(self.energy, 1e-30))

    def residual(self, amplitude: np.ndarray | float = 1.0) -> np.ndarray:
        """float64 [symbols]: sum of |y - amplitude g x|^2."""
        product = (self.products.sum(axis=1, dtype=np.complex128) * np.conj(amplitude)).real
        return np.asarray(np.maximum(self.power - 2 * product + np.abs(amplitude) ** 2 * self.energy, 0))


def view_pilots(
    bins: np.ndarray,
    grid: ResourceGrid,
    user: int,
    channel: np.ndarray,
    delay_samples: np.ndarray,
    phase_rad: np.ndarray,
) -> PilotView:
    """bins: complex64 [antennas, symbols, active]; channel: complex64 [antennas, active]; delay_samples, phase_rad:
    float [symbols], to be undone as in `straightening`.
    """
    n_symbols, half = bins.shape[1], bins.shape[2] // 2
    positions, values = grid.pilot_positions(n_symbols)[user], grid.pilot_values(user, n_symbols)
    numbers = positions - half + (positions >= half)  # there is no subcarrier at the carrier itself
    seen = bins[:, np.arange(n_symbols)[:, None], positions]
    gains = channel[:, positions]
    turn = 2 * np.pi / grid.config.fft_size * delay_samples[:, None] * numbers - phase_rad[:, None]
    products = np.einsum("amp,amp->mp", seen, gains.conj()) * (values.conj() * np.exp(1j * turn))
    expected = np.einsum("amp,amp->mp", gains, gains.conj()).real * (values.real**2 + values.imag**2)
    power = np.einsum("amp,amp->m", seen, seen.conj()).real.astype(np.float64)
    return PilotView(products.astype(np.complex64), expected, power, numbers, len(bins) * positions.shape[1])
