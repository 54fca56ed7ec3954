"""The noise's covariance over subcarriers and antennas, and samples in which it is white.

With R the covariance and L L^H = R / noise_power, L^-1 y has white noise of noise_power, and whatever is right for
white noise is right for it: the LMMSE separation is interference rejection combining (Winters 1984).
"""

from dataclasses import dataclass

import numpy as np

from radio.waveform.noise.tree import SINGULAR, pooled_covariance


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
        if abs(offset) >= len(scatter):  # a false detection: no subcarrier of it is one of the receiver's
            continue
        begin, end = max(offset, 0), len(scatter) + min(offset, 0)
        scatter[begin:end] += seen[begin - offset : end - offset]
        count[begin:end] += number
    seen_at = np.flatnonzero(count)
    if seen_at.size == 0:
        return None
    nearest = np.clip(np.arange(len(scatter)), seen_at[0], seen_at[-1])  # a carrier far off leaves edges unseen
    scatter, count = scatter[nearest], count[nearest]
    covariance = pooled_covariance(scatter, count)
    if covariance is None:
        return None
    power = float(np.einsum("kaa->", covariance).real) / covariance[:, :, 0].size
    antennas = covariance.shape[1]
    return NoiseColour.of(covariance / power + SINGULAR * np.eye(antennas))
