"""Phase noise of an oscillator, shaped by a mask of single-sideband noise in dBc/Hz.

For small angles the sideband level is the two-sided density of the phase: S(f) = 10^(L(f) / 10) rad^2/Hz (IEEE Std
1139-2008). White Gaussian noise of rate r passes a zero-phase filter |H(f)| = sqrt(r S(f)); L is straight over log
frequency between the mask's points, flat below the first and falling on along the last line above the last.

The process runs at a rate r of at least 500 kHz (half of it is the widest offset that is simulated) and is linearly
interpolated to the sample rate. It is a function of the absolute tick: each stretch is filtered from the white
noise of its own and the previous stretch, and those have streams of their own.
"""

from collections import OrderedDict

import numpy as np
from scipy import fft

from radio.air.randomness import Purpose, stream

STRETCH = 8192
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


class PhaseNoise:
    """One oscillator's phase in radians, zero mean, as a function of ticks."""

    def __init__(self, mask: Mask, seed: int, node: int, sample_rate_hz: float) -> None:
        self._seed = seed
        self._node = node
        self.decimation = 2 ** max(0, int(np.floor(np.log2(sample_rate_hz / _LOWEST_RATE_HZ))))
        self._spectrum = _filter_spectrum(mask, sample_rate_hz / self.decimation)
        self._stretches: OrderedDict[int, np.ndarray] = OrderedDict()
        self._white: tuple[int, np.ndarray] | None = None

    def phase(self, start_tick: int, n_samples: int) -> np.ndarray:
        """float32 [n_samples] in radians for ticks start_tick.."""
        first = start_tick // self.decimation
        last = (start_tick + n_samples - 1) // self.decimation
        coarse = self._coarse(first, last - first + 2)
        if self.decimation == 1:
            return coarse[:n_samples]
        fraction = np.arange(self.decimation, dtype=np.float32) / np.float32(self.decimation)
        fine = np.multiply.outer(np.diff(coarse), fraction)
        fine += coarse[:-1, None]
        offset = start_tick - first * self.decimation
        return fine.reshape(-1)[offset : offset + n_samples]

    def _coarse(self, first: int, count: int) -> np.ndarray:
        pieces = []
        while count > 0:
            stretch, offset = divmod(first, STRETCH)
            piece = self._stretch(stretch)[offset : offset + count]
            pieces.append(piece)
            first += piece.size
            count -= piece.size
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _stretch(self, index: int) -> np.ndarray:
        if index not in self._stretches:
            white = np.concatenate([self._white_noise(index - 1), self._white_noise(index)])
            shaped = fft.irfft(fft.rfft(white) * self._spectrum, 2 * STRETCH)
            self._stretches[index] = shaped[STRETCH:]
            if len(self._stretches) > _STRETCHES_KEPT:
                self._stretches.popitem(last=False)
        return self._stretches[index]

    def _white_noise(self, stretch: int) -> np.ndarray:
        """The newest stretch is kept: the next one needs it again."""
        if self._white is None or self._white[0] != stretch:
            rng = stream(self._seed, Purpose.PHASE_NOISE, self._node, stretch)
            self._white = (stretch, rng.standard_normal(STRETCH, dtype=np.float32))
        return self._white[1]


def _filter_spectrum(mask: Mask, rate_hz: float) -> np.ndarray:
    """complex64 [STRETCH + 1]: spectrum of the shaping filter, STRETCH taps long, delayed to be causal."""
    offsets_hz = np.arange(STRETCH // 2 + 1) * (rate_hz / STRETCH)
    impulse = fft.irfft(np.sqrt(rate_hz * mask_density(mask, offsets_hz)), STRETCH)
    impulse = np.roll(impulse, STRETCH // 2) * np.hanning(STRETCH)
    return np.asarray(fft.rfft(impulse, 2 * STRETCH), np.complex64)
