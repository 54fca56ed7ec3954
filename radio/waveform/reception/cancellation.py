"""Taking a user's payload, once its symbols are known again, out of the samples.

The symbols are a guess: a decoded picture, encoded once more. What the estimate of the channel and of the symbols gets
wrong stays in the samples.
"""

import math

import numpy as np

from radio import acceleration
from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.windows import backoff_samples
from radio.waveform.reception.frame import Alignment
from radio.waveform.tracking.straightening import ramps
from radio.waveform.transforms.fourier import place_subcarriers, transform


def cancel_payload(
    samples: Samples, grid: ResourceGrid, user: int, alignment: Alignment, symbols: np.ndarray
) -> Samples:
    """A copy of the samples without the payload of `user` that carried symbols complex64 [k] of unit mean power."""
    elements = grid.payload_elements(user, symbols)
    if len(elements) != alignment.window_ticks.size:
        raise ValueError(f"{symbols.size} symbols fill {len(elements)} OFDM symbols, not {alignment.window_ticks.size}")
    data, n = samples.data.copy(), grid.config.fft_size
    before = grid.config.cp_samples - backoff_samples(grid)  # a window starts inside its prefix
    first = alignment.window_ticks - before - samples.start_tick
    undone = ramps(alignment.delay_samples, alignment.phase_rad, grid)
    size = (alignment.gain[:, None] / np.sqrt(n)).astype(np.float32)  # the transform is not scaled
    turned = elements * np.conj(undone) * size
    channel = alignment.channel if alignment.channel.ndim == 3 else alignment.channel[:, None]
    fourier = transform(len(data) * len(elements), n, inverse=True)
    fill, subtract = (_fill_compiled, _subtract_compiled) if acceleration.NUMBA else (_fill, _subtract)
    fill(turned.astype(np.complex64, copy=False), channel, fourier.source)
    turns = alignment.cfo_hz / grid.config.sample_rate_hz
    elapsed = first + samples.start_tick - alignment.phase_origin_tick
    # The prefix of what is in the window, and the window's own beginning once more behind its end.
    subtract(fourier.run(), first, np.arange(grid.symbol_samples) - before, turns, elapsed, data)
    return Samples(data, samples.start_tick, samples.sample_rate_hz)


def _fill(elements: np.ndarray, channel: np.ndarray, bins: np.ndarray) -> None:
    """elements complex64 [m, active] through a channel [antennas, m or 1, active] into FFT bins [antennas m, size]."""
    place_subcarriers((elements * channel).reshape(-1, elements.shape[1]), bins)


@acceleration.compiled
def _fill_compiled(elements: np.ndarray, channel: np.ndarray, bins: np.ndarray) -> None:
    symbols, active, size = elements.shape[0], elements.shape[1], bins.shape[1]
    half = active // 2
    for antenna in range(channel.shape[0]):
        for m in range(symbols):
            x, g = elements[m], channel[antenna, m if channel.shape[1] > 1 else 0]
            row = bins[antenna * symbols + m]
            row[0] = 0
            for i in range(half):
                row[size - half + i] = x[i] * g[i]
                row[1 + i] = x[half + i] * g[half + i]
            for i in range(half + 1, size - half):
                row[i] = 0


def _subtract(
    body: np.ndarray, first: np.ndarray, places: np.ndarray, cycles: float, elapsed: np.ndarray, data: np.ndarray
) -> None:
    """Take symbols, complex64 [antennas m, size], out of data complex64 [antennas, n] from sample first [m] on.

    places: int [samples], of the body, which goes round. cycles: per sample, of a carrier whose phase is zero `elapsed`
    [m] samples before a symbol.
    """
    wave = np.take(body.reshape(len(data), first.size, -1), places, axis=2, mode="wrap")
    turns = np.remainder(cycles * (elapsed[:, None] + np.arange(places.size)), 1.0)
    wave = wave * np.exp(2j * np.pi * turns).astype(np.complex64)
    for antenna, waves in zip(data, wave, strict=True):
        for start, symbol in zip(first, waves, strict=True):
            begin, end = max(start, 0), max(min(start + symbol.size, antenna.size), 0)
            antenna[begin:end] -= symbol[begin - start : max(end - start, begin - start)]


@acceleration.compiled
def _subtract_compiled(
    body: np.ndarray, first: np.ndarray, places: np.ndarray, cycles: float, elapsed: np.ndarray, data: np.ndarray
) -> None:
    size, symbols, samples = body.shape[1], first.size, places.size
    turns = np.empty((2, samples), np.float32)
    step, phasor = complex(math.cos(2 * math.pi * cycles), math.sin(2 * math.pi * cycles)), complex(1.0, 0.0)
    for i in range(samples):
        turns[0, i], turns[1, i] = phasor.real, phasor.imag
        phasor *= step
    wave = np.empty((2, samples), np.float32)
    for m in range(symbols):
        whole = cycles * elapsed[m]
        angle = 2 * math.pi * (whole - round(whole))
        c, s = np.float32(math.cos(angle)), np.float32(math.sin(angle))
        begin, end = max(-first[m], 0), min(samples, data.shape[1] - first[m])
        for antenna in range(data.shape[0]):
            row, out = body[antenna * symbols + m], data[antenna]
            for i in range(samples):
                value = row[places[i] % size]
                wave[0, i], wave[1, i] = value.real, value.imag
            for i in range(begin, end):
                a, b = turns[0, i] * c - turns[1, i] * s, turns[0, i] * s + turns[1, i] * c
                x, y, old = wave[0, i], wave[1, i], out[first[m] + i]
                out[first[m] + i] = complex(old.real - (x * a - y * b), old.imag - (x * b + y * a))
