"""What lies between emulated devices: a common clock in real time, path gains, crystals, noise."""

import threading
import time
from dataclasses import dataclass, field

import numpy as np

PATH_GAIN_DB = -40.0  # full scale at 0 dB transmit gain arrives at full scale with 40 dB of receive gain


@dataclass
class Emission:
    """What one transmitter sends. samples: complex64 [n], full scale 1; begin: air tick of samples[0]."""

    samples: np.ndarray
    begin: int
    cyclic: bool
    carrier_hz: float
    amplitude: float
    delay: int = 0

    def overlaps(self, start: int, n: int) -> bool:
        begin = self.begin + self.delay
        return self.cyclic or (begin < start + n and begin + self.samples.size > start)

    def at(self, start: int, n: int) -> np.ndarray:
        """complex64 [n] from air tick `start`."""
        ticks = np.arange(start, start + n) - self.begin - self.delay
        if self.cyclic:
            values = self.samples[ticks % self.samples.size]
            return np.where(ticks >= 0, values, 0) * self.amplitude
        inside = (ticks >= 0) & (ticks < self.samples.size)
        return np.where(inside, self.samples[np.clip(ticks, 0, self.samples.size - 1)], 0) * self.amplitude


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

    def received(self, device: int, start: int, n: int, carrier_hz: float, gain_db: float) -> np.ndarray:
        """What arrives at a device's converter: complex128 [n], full scale 1."""
        ticks = np.arange(start, start + n)
        with self.lock:
            emissions = [e for other, sent in self.emissions.items() for e in sent if e.overlaps(start, n)]
            noise = self._rng.standard_normal((n, 2)) @ [1, 1j] * (self.noise_amplitude / np.sqrt(2))
        total = noise
        for emission in emissions:
            offset_hz = emission.carrier_hz - carrier_hz
            if abs(offset_hz) < self.sample_rate_hz / 2:
                turns = np.exp(2j * np.pi * ((offset_hz / self.sample_rate_hz * ticks) % 1.0))
                total = total + 10 ** (PATH_GAIN_DB / 20) * emission.at(start, n) * turns
        return total * 10 ** (gain_db / 20)
