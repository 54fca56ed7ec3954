"""What lies between emulated devices: a common clock in real time, path gains, crystals, noise."""

import threading
import time
from dataclasses import dataclass, field

import numpy as np

PATH_GAIN_DB = -40.0  # full scale at 0 dB transmit gain arrives at full scale with 40 dB of receive gain


_BLOCK, _REACH = 2048, 16  # samples that share one fractional delay; half the interpolator's length
_TAPS = np.arange(-_REACH, _REACH + 1)
_WINDOW = np.kaiser(_TAPS.size, 7.0)


@dataclass
class Emission:
    """What one transmitter sends. samples: complex [n], full scale 1; begin: air time of samples[0], in ticks.

    clock: how many samples its converter takes in one tick of the air, 1 plus some parts per million.
    """

    samples: np.ndarray
    begin: float
    cyclic: bool
    carrier_hz: float
    amplitude: float
    delay: float = 0.0
    clock: float = 1.0

    def overlaps(self, start: float, n: int) -> bool:
        begin = self.begin + self.delay
        return self.cyclic or (begin - _REACH < start + n and begin + self.samples.size + _REACH > start)

    def at(self, start: float, n: int) -> np.ndarray:
        """complex64 [n] from air time `start` on, one a tick: interpolated, as a reconstruction filter does."""
        out = np.empty(n, np.complex64)
        for first in range(0, n, _BLOCK):
            m = min(_BLOCK, n - first)
            middle = (start + first + m / 2 - self.begin - self.delay) * self.clock
            whole = int(np.floor(middle - m / 2))
            fraction = middle - m / 2 - whole
            near = self._samples_at(whole + np.arange(-_REACH, m + _REACH))
            kernel = (np.sinc(fraction - _TAPS) * _WINDOW).astype(np.float32)
            out[first : first + m] = np.convolve(near, kernel[::-1], "valid")
        return out * self.amplitude

    def _samples_at(self, places: np.ndarray) -> np.ndarray:
        n = self.samples.size
        if self.cyclic:
            return np.where(places >= 0, self.samples[places % n], 0)
        return np.where((places >= 0) & (places < n), self.samples[np.clip(places, 0, n - 1)], 0)


@dataclass
class EmulatedAir:
    """noise_amplitude: rms of the receiver's noise at 0 dB of receive gain, full scale 1. paced: real time."""

    sample_rate_hz: float = 1e6
    noise_amplitude: float = 1e-5
    seed: int = 1
    emissions: dict[int, list[Emission]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._origin_s, self._origin_tick = time.monotonic(), 0
        self._rng = np.random.default_rng(self.seed)
        self.lock = threading.RLock()

    def now(self) -> int:
        """Air ticks since the beginning."""
        return self._origin_tick + int((time.monotonic() - self._origin_s) * self.sample_rate_hz)

    def set_rate(self, sample_rate_hz: float) -> None:
        """All converters on one air run at one rate: the last one set."""
        with self.lock:
            self._origin_tick, self._origin_s = self.now(), time.monotonic()
            self.sample_rate_hz = sample_rate_hz

    def emit(self, device: int, emission: Emission, replace: bool) -> None:
        with self.lock:
            kept = [] if replace else self.emissions.get(device, [])
            horizon = self.now() - int(2 * self.sample_rate_hz)
            kept = [e for e in kept if e.cyclic or e.begin + e.samples.size > horizon]
            self.emissions[device] = [*kept, emission]

    def silence(self, device: int) -> None:
        with self.lock:
            self.emissions.pop(device, None)

    def received(
        self, device: int, start: int, n: int, carrier_hz: float, gain_db: float, clock: float = 1.0
    ) -> np.ndarray:
        """What a converter with this clock makes of its ticks from start on: complex64 [n], full scale 1."""
        begin = start / clock  # within one buffer the clocks differ by too little to matter
        with self.lock:
            heard = [[e for e in sent if e.overlaps(begin, n)] for sent in self.emissions.values()]
            noise = self._rng.standard_normal(2 * n, np.float32).view(np.complex64)
        total = noise * np.float32(self.noise_amplitude / np.sqrt(2))
        for emissions in heard:  # of one device, which has one carrier
            offset_hz = emissions[0].carrier_hz - carrier_hz if emissions else np.inf
            if abs(offset_hz) < self.sample_rate_hz / 2:
                signal = sum(emission.at(begin, n) for emission in emissions)
                total += 10 ** (PATH_GAIN_DB / 20) * signal * _turns(offset_hz / self.sample_rate_hz, start, n)
        return total * np.float32(10 ** (gain_db / 20))


def _turns(cycles_per_tick: float, start: int, n: int) -> np.ndarray:
    """exp(2 pi i f t) for t = start ... start + n - 1: complex64 [n]."""
    inner = np.exp(2j * np.pi * cycles_per_tick * np.arange(256))
    outer = np.exp(2j * np.pi * ((cycles_per_tick * np.arange(start, start + n, 256)) % 1.0))
    return np.outer(outer, inner).reshape(-1)[:n].astype(np.complex64)
