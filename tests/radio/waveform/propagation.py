"""A small channel of the tests' own (numpy only): fractional delay, taps, carrier offset, clock offset, noise."""

import numpy as np


def propagate(
    burst,
    length,
    *,
    delay=0.0,
    taps=((0.0, 1.0),),
    cfo_hz=0.0,
    phase=0.0,
    clock_ppm=0.0,
    rate_hz=4e6,
    start=600,
):
    """Place complex [n] at `start` in `length` samples; exact band-limited delays by FFT.

    clock_ppm: the transmitter's samples come this much faster (resampled by sinc interpolation of the FFT).
    """
    padded = np.zeros(length + 4096, complex)
    padded[start : start + burst.size] = burst
    if clock_ppm:
        padded = resample(padded, clock_ppm)
    spectrum = np.fft.fft(padded)
    f = np.fft.fftfreq(padded.size)
    response = sum(gain * np.exp(-2j * np.pi * f * (delay + tap)) for tap, gain in taps)
    out = np.fft.ifft(spectrum * response)[:length]
    return out * np.exp(1j * (2 * np.pi * cfo_hz / rate_hz * np.arange(length) + phase))


def resample(x, ppm):
    """x at times n (1 + ppm) by windowed-sinc interpolation, 32 taps."""
    t = np.arange(x.size) * (1 + ppm * 1e-6)
    base = np.floor(t).astype(int)
    out = np.zeros(x.size, complex)
    for k in range(-15, 17):
        index = np.clip(base + k, 0, x.size - 1)
        u = t - (base + k)
        out += x[index] * np.sinc(u) * np.where(np.abs(u) < 16, np.cos(np.pi * u / 32) ** 2, 0)
    return out


def noise(rng, length, power, antennas=1):
    shape = (antennas, length)
    return np.sqrt(power / 2) * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
