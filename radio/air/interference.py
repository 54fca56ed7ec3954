"""Interferers as functions of the absolute tick.

Narrowband: sqrt(P) exp(j (2 pi f t / fs + phi)), phi per antenna from the seed. Bursty: time is cut into
slots; each is filled with white Gaussian noise of power P with the configured probability, independently (a
two-state on-off model; its mean power is P times the activity).
"""

import numpy as np

from radio.air.config import AirConfig, InterfererConfig
from radio.air.gaussian import add_gaussian, noise_key
from radio.air.randomness import Purpose, stream


def add_interference(samples: np.ndarray, config: AirConfig, antenna: int, start_tick: int) -> None:
    """Add every configured interferer to complex64 samples [n] in place; none configured changes nothing."""
    for index, interferer in enumerate(config.interferers):
        if interferer.kind == "narrowband":
            _add_tone(samples, config, interferer, index, antenna, start_tick)
        else:
            _add_bursts(samples, config, interferer, index, antenna, start_tick)


def _add_tone(
    samples: np.ndarray, config: AirConfig, tone: InterfererConfig, index: int, antenna: int, start_tick: int
) -> None:
    phase = stream(config.seed, Purpose.INTERFERER_PHASE, index, antenna).uniform(0, 2 * np.pi)
    cycles = tone.frequency_hz / config.sample_rate_hz
    turns = cycles * np.arange(start_tick, start_tick + samples.size)  # each from its own tick: any cut is the same
    turns -= np.floor(turns)
    samples += (np.sqrt(tone.power) * np.exp(1j * (2 * np.pi * turns + phase))).astype(np.complex64)


def _add_bursts(
    samples: np.ndarray,
    config: AirConfig,
    bursts: InterfererConfig,
    index: int,
    antenna: int,
    start_tick: int,
) -> None:
    amplitude = float(np.sqrt(bursts.power))
    key = noise_key(config.seed, Purpose.INTERFERER_NOISE, index, antenna)
    position = 0
    while position < samples.size:
        slot, offset = divmod(start_tick + position, bursts.slot_samples)
        count = min(bursts.slot_samples - offset, samples.size - position)
        if stream(config.seed, Purpose.INTERFERER_ACTIVITY, index, slot).uniform() < bursts.activity:
            add_gaussian(samples[position : position + count], key, start_tick + position, amplitude)
        position += count
