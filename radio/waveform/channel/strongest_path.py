"""Where a channel's strongest path is, between the samples: a coarse impulse response, then the channel's own sum."""

import math

import numpy as np

from radio import acceleration
from radio.waveform.channel.delay_profile import relative_frequencies
from radio.waveform.config import WaveformConfig
from radio.waveform.transforms.fourier import place_subcarriers, transform

COARSE_OVERSAMPLING = 4  # a peak between two points is seen 0.1 dB too low
PEAK_OVERSAMPLING = 8  # the parabola on top is then within a thousandth of a sample


def strongest_path_samples(channel: np.ndarray, config: WaveformConfig) -> float:
    """Delay of the strongest path in samples from the FFT window's start, fractional.

    channel: complex [antennas, active].
    """
    n = config.fft_size
    fourier = transform(len(channel), n * COARSE_OVERSAMPLING, inverse=True)
    place_subcarriers(channel, fourier.source)
    find = _delay_compiled if acceleration.NUMBA else _delay
    delay = float(find(fourier.run(), channel, relative_frequencies(config)))
    return delay - n if delay > n / 2 else delay


def _delay(response: np.ndarray, channel: np.ndarray, frequencies: np.ndarray) -> float:
    """Delay in samples, from the coarse response complex64 [antennas, COARSE_OVERSAMPLING n]; see above."""
    coarse = int(np.argmax((response.real**2 + response.imag**2).sum(axis=0))) / COARSE_OVERSAMPLING
    power = _power_at(channel, frequencies, coarse)
    i = int(np.argmax(power[1:-1])) + 1
    return coarse + (i - len(power) // 2 + vertex(power, i)) / PEAK_OVERSAMPLING


@acceleration.compiled
def _delay_compiled(response: np.ndarray, channel: np.ndarray, frequencies: np.ndarray) -> float:
    sums = np.zeros(response.shape[1], np.float32)
    for row in response:
        for i in range(sums.size):
            sums[i] += row[i].real * row[i].real + row[i].imag * row[i].imag
    coarse = np.argmax(sums) / COARSE_OVERSAMPLING
    power = _power_at_compiled(channel, frequencies, coarse)
    i = int(np.argmax(power[1:-1])) + 1
    return coarse + (i - power.size // 2 + vertex_compiled(power, i)) / PEAK_OVERSAMPLING


def _power_at(channel: np.ndarray, frequencies: np.ndarray, delay: float) -> np.ndarray:
    """float64 [5]: power over the antennas at delays around `delay`, steps of 1 / PEAK_OVERSAMPLING apart."""
    delays = delay + np.arange(-2, 3) / PEAK_OVERSAMPLING
    return np.asarray((np.abs(channel @ np.exp(2j * np.pi * np.outer(frequencies, delays))) ** 2).sum(axis=0))


@acceleration.compiled
def _power_at_compiled(channel: np.ndarray, frequencies: np.ndarray, delay: float) -> np.ndarray:
    power, turn = np.zeros(5), np.empty(frequencies.size, np.complex64)
    for i in range(power.size):
        place = delay + (i - 2) / PEAK_OVERSAMPLING
        angle = 2 * math.pi * frequencies[-1] / (frequencies.size // 2) * place
        step = complex(math.cos(angle), math.sin(angle))
        phasor = step
        for k in range(frequencies.size // 2):  # subcarriers k + 1 and -(k + 1)
            turn[frequencies.size // 2 + k] = phasor
            turn[frequencies.size // 2 - 1 - k] = phasor.conjugate()
            phasor *= step
        for antenna in range(channel.shape[0]):
            real = imag = np.float32(0.0)
            for k in range(frequencies.size):
                y = channel[antenna, k]
                real += y.real * turn[k].real - y.imag * turn[k].imag
                imag += y.real * turn[k].imag + y.imag * turn[k].real
            power[i] += real * real + imag * imag
    return power


def vertex(values: np.ndarray, i: int) -> float:
    """Where between the neighbours of a peak its parabola has its vertex, -0.5 to 0.5."""
    if not 0 < i < values.size - 1:
        return 0.0
    before, after = values[i - 1], values[i + 1]
    curve = before - 2 * values[i] + after
    return float(min(max(0.5 * (before - after) / curve, -0.5), 0.5)) if curve < 0 else 0.0


vertex_compiled = acceleration.compiled(vertex)
