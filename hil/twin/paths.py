"""The fixed paths of a room in which nothing moved, from the mean of its channels.

Paths are taken one by one, the strongest that is left each time, and every delay is then found again with the others
taken out, a few times over (RELAX: Li and Stoica, "Efficient mixed-spectrum estimation", IEEE Trans. Signal Processing
1996), until noise is left or there are enough.
"""

from dataclasses import dataclass

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig

MOST_PATHS = 10
FLOOR = 10 ** (-4.0)  # of the power: what interpolation and converters leave inexact
SWEEPS = 4
COARSE_STEP, FINE_STEP = 0.125, 0.005  # samples
RIDGE = 1e-4  # keeps paths closer than the band resolves from growing against each other


@dataclass(frozen=True)
class Paths:
    """delays_samples: float [paths], rising, from the window; gains: complex128 [paths]; left: unexplained power."""

    delays_samples: np.ndarray
    gains: np.ndarray
    left: float


def mean_channel(channels: np.ndarray) -> np.ndarray:
    """complex128 [active] from bursts [bursts, active] that differ by a common phase each."""
    strongest = channels[int(np.argmax(np.sum(np.abs(channels) ** 2, axis=1)))]
    phases = np.exp(-1j * np.angle(channels @ strongest.conj()))
    return np.asarray((channels * phases[:, None]).mean(axis=0))


def fixed_paths(channel: np.ndarray, variance: float, config: WaveformConfig) -> Paths:
    """channel: complex128 [active]; variance: of a value's error."""
    steps = ResourceGrid(config).frequencies_hz / config.sample_rate_hz
    everywhere = np.arange(-4.0, config.cp_samples, COARSE_STEP)
    enough = 1.2 * variance + FLOOR * float(np.mean(np.abs(channel) ** 2))
    delays, gains = np.zeros(0), np.zeros(0, complex)
    left = channel
    for _ in range(MOST_PATHS):
        delays = np.append(delays, _strongest(left, everywhere, steps))
        for _ in range(SWEEPS):
            gains = _gains(channel, delays, steps)
            for i in range(delays.size):
                others = np.arange(delays.size) != i
                rest = channel - _response(delays[others], steps) @ gains[others]
                near = delays[i] + np.arange(-COARSE_STEP, COARSE_STEP + FINE_STEP / 2, FINE_STEP)
                delays[i] = _strongest(rest, near, steps)
        gains = _gains(channel, delays, steps)
        left = channel - _response(delays, steps) @ gains
        if np.mean(np.abs(left) ** 2) < enough:
            break
    order = np.argsort(delays)
    return Paths(delays[order], gains[order], float(np.mean(np.abs(left) ** 2)))


def _response(delays: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """complex128 [active, paths]."""
    return np.asarray(np.exp(-2j * np.pi * np.outer(steps, delays)))


def _strongest(channel: np.ndarray, delays: np.ndarray, steps: np.ndarray) -> float:
    return float(delays[int(np.argmax(np.abs(_response(delays, steps).conj().T @ channel)))])


def _gains(channel: np.ndarray, delays: np.ndarray, steps: np.ndarray) -> np.ndarray:
    atoms = _response(delays, steps)
    gram = atoms.conj().T @ atoms + RIDGE * len(steps) * np.eye(delays.size)
    return np.asarray(np.linalg.solve(gram, atoms.conj().T @ channel))
