"""Phase noise of an oscillator, shaped by a mask of single-sideband noise in dBc/Hz.

For small angles the sideband level is the two-sided density of the phase: S(f) = 10^(L(f) / 10) rad^2/Hz
(IEEE Std 1139-2008). White Gaussian noise of rate r passes a zero-phase filter |H(f)| = sqrt(r S(f)); L is
straight over log frequency between the mask's points, flat below the first and falling on along the last line
above the last.

The process runs at a rate r of at least 500 kHz (half of it is the widest offset that is simulated) and is
linearly interpolated to the sample rate, whose droop is compensated. It is a function of the absolute tick:
each stretch is filtered from the white noise of its own ticks and of some before.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import fft

from radio.air.config import AirConfig
from radio.air.gaussian import gaussian, noise_key
from radio.air.randomness import Purpose

STRETCH = 12288  # with _TAPS a power of two, for the transform
_TAPS = 4096
_LOWEST_RATE_HZ = 5e5
_STRETCHES_KEPT = 8

Mask = tuple[tuple[float, float], ...]


def mask_density(mask: Mask, offsets_hz: np.ndarray) -> np.ndarray:
    """Two-sided phase density in rad^2/Hz at offsets [n] >= 0."""
    points = np.array(mask)
    log_offsets = np.log10(np.maximum(offsets_hz, points[0, 0]))
    level_db = np.interp(log_offsets, np.log10(points[:, 0]), points[:, 1])
    if len(points) > 1:
        (f1, l1), (f2, l2) = points[-2:]
        slope = (l2 - l1) / np.log10(f2 / f1)
        level_db += np.where(offsets_hz > f2, slope * (log_offsets - np.log10(f2)), 0.0)
    return 10 ** (level_db / 10)


@dataclass(frozen=True)
class CoarsePhase:
    """A phase in radians, float32 [m], every `decimation` samples, beginning `offset` samples early."""

    values: np.ndarray
    decimation: int
    offset: int

    def minus(self, other: "CoarsePhase") -> "CoarsePhase":
        """Difference of two phases over the same ticks at the same rate."""
        return CoarsePhase(self.values - other.values, self.decimation, self.offset)

    def fine(self, n_samples: int) -> np.ndarray:
        """float32 [n_samples]: linear between the values."""
        fraction = np.arange(self.decimation, dtype=np.float32) / np.float32(self.decimation)
        steps = np.multiply.outer(np.diff(self.values), fraction)
        steps += self.values[:-1, None]
        return steps.reshape(-1)[self.offset : self.offset + n_samples]


class PhaseNoise:
    """One oscillator's phase in radians, zero mean, as a function of ticks."""

    def __init__(self, mask: Mask, seed: int, node: int, sample_rate_hz: float) -> None:
        self._key = noise_key(seed, Purpose.PHASE_NOISE, node)
        self._decimation = 2 ** max(0, int(np.floor(np.log2(sample_rate_hz / _LOWEST_RATE_HZ))))
        self._spectrum = _filter_spectrum(mask, sample_rate_hz / self._decimation)
        self._stretches: OrderedDict[int, np.ndarray] = OrderedDict()

    def phase(self, start_tick: int, n_samples: int) -> np.ndarray:
        """float32 [n_samples] in radians for ticks start_tick.."""
        return self.coarse(start_tick, n_samples).fine(n_samples)

    def coarse(self, start_tick: int, n_samples: int) -> CoarsePhase:
        """The same at the process's own rate."""
        first, offset = divmod(start_tick, self._decimation)
        left = (offset + n_samples - 1) // self._decimation + 2
        pieces = []
        while left > 0:
            stretch, skip = divmod(first, STRETCH)
            piece = self._stretch(stretch)[skip : skip + left]
            pieces.append(piece)
            first += piece.size
            left -= piece.size
        return CoarsePhase(np.concatenate(pieces), self._decimation, offset)

    def _stretch(self, index: int) -> np.ndarray:
        if index not in self._stretches:
            pairs = gaussian(self._key, (index * STRETCH - _TAPS) // 2, (_TAPS + STRETCH) // 2)
            white = pairs.view(np.float32) * np.float32(np.sqrt(2))  # unit variance each
            shaped = fft.irfft(fft.rfft(white) * self._spectrum, white.size)
            self._stretches[index] = shaped[_TAPS:]
            if len(self._stretches) > _STRETCHES_KEPT:
                self._stretches.popitem(last=False)
        return self._stretches[index]


def phase_noise(config: AirConfig, node: int) -> PhaseNoise | None:
    """A node's phase noise as configured, or None where it is off."""
    if config.phase_noise is None:
        return None
    return PhaseNoise(config.phase_noise.mask, config.seed, node, config.sample_rate_hz)


@cache
def _filter_spectrum(mask: Mask, rate_hz: float) -> np.ndarray:
    """complex64 [(STRETCH + _TAPS) / 2 + 1]: the shaping filter of _TAPS taps, delayed to be causal."""
    offsets_hz = np.arange(_TAPS // 2 + 1) * (rate_hz / _TAPS)
    droop = np.sinc(offsets_hz / rate_hz) ** 2  # of the linear interpolation
    impulse = fft.irfft(np.sqrt(rate_hz * mask_density(mask, offsets_hz)) / droop, _TAPS)
    impulse = np.roll(impulse, _TAPS // 2) * np.hanning(_TAPS)
    return np.asarray(fft.rfft(impulse, STRETCH + _TAPS), np.complex64)
