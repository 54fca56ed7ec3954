"""The noise's covariance over subcarriers and antennas, and samples in which it is white.

With R the covariance and L L^H = R / noise_power, L^-1 y has white noise of noise_power, and whatever is right for
white noise is right for it: the LMMSE separation is interference rejection combining (Winters 1984).
"""

from dataclasses import dataclass

import numpy as np

from radio.waveform.noise.tree import parts_of

ROUNDING = 1e-3  # of log-likelihoods that are equal


@dataclass(frozen=True)
class NoiseColour:
    """shape: complex128 [active, antennas, antennas], covariance over its mean power; whitening: complex64, as shape,
    L^-1."""

    shape: np.ndarray
    whitening: np.ndarray

    @classmethod
    def of(cls, shape: np.ndarray) -> "NoiseColour":
        return cls(shape, np.linalg.inv(np.linalg.cholesky(shape)).astype(np.complex64))

    def whitened(self, values: np.ndarray) -> np.ndarray:
        """L^-1 y of complex64 y [antennas, ..., active]."""
        if len(values) == 1:
            return np.asarray(values * self.whitening[:, 0, 0], np.complex64)
        return np.einsum("kab,b...k->a...k", self.whitening, values, optimize=True).astype(np.complex64, order="C")

    def moved(self, subcarriers: int) -> "NoiseColour":
        """As it is where every subcarrier is the one that was so many above it."""
        if subcarriers == 0:
            return self
        places = np.clip(np.arange(len(self.shape)) + subcarriers, 0, len(self.shape) - 1)
        return NoiseColour(self.shape[places], self.whitening[places])


def noise_colour(looks: list[tuple[np.ndarray, float, int]]) -> NoiseColour | None:
    """None where nothing speaks against white noise.

    looks: of each user whose training was seen, scatter and number of looks as of `noise_scatter`, and the subcarriers
    by which its carrier is above the receiver's.
    """
    scatter = np.zeros_like(looks[0][0])
    count = np.zeros(len(scatter))
    for seen, number, offset in looks:
        begin, end = max(offset, 0), len(scatter) + min(offset, 0)
        scatter[begin:end] += seen[begin - offset : end - offset]
        count[begin:end] += number
    part, gain = parts_of(scatter, count)
    if gain <= ROUNDING:
        return None
    nodes, index = np.unique(part, return_inverse=True)
    sums, masses = np.zeros((nodes.size, *scatter.shape[1:]), complex), np.zeros(nodes.size)
    np.add.at(sums, index, scatter)
    np.add.at(masses, index, count)
    covariance = (sums / masses[:, None, None])[index]
    power = float(np.einsum("kaa->", covariance).real) / covariance[:, :, 0].size
    return NoiseColour.of(covariance / power)
