"""Matched filters at a few places: how much of a known symbol the samples hold there, without a transform.

c(m) = sum_n conj(s(n)) r(start_m + n) exp(-j 2 pi cycles (start_m + n - origin)), which is by Parseval's theorem the
product over the symbol's subcarriers
"""

import math
from functools import lru_cache

import numpy as np

from radio import acceleration
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig
from radio.waveform.transforms.ofdm import to_time


@lru_cache(maxsize=16)
def preamble_symbol(config: WaveformConfig, user: int) -> np.ndarray:
    """complex64 [fft_size]: samples of a user's preamble symbol, unit power per subcarrier."""
    grid = ResourceGrid(config)
    return _samples(grid, grid.preamble(user))


@lru_cache(maxsize=16)
def sounding_symbol(config: WaveformConfig, user: int) -> np.ndarray:
    """complex64 [fft_size]: samples of a user's sounding symbol, unit power per subcarrier."""
    grid = ResourceGrid(config)
    return _samples(grid, grid.sounding(user)[0])


def _samples(grid: ResourceGrid, elements: np.ndarray) -> np.ndarray:
    bins = np.zeros((1, grid.config.fft_size), np.complex64)
    bins[0, grid.bins] = elements
    return to_time(bins, 0)


def matched(samples: np.ndarray, starts: np.ndarray, symbol: np.ndarray, cycles: float, origin: float) -> np.ndarray:
    """c complex64 [antennas, m] of complex64 [antennas, n] at starts int [m]; 0 where a window is not wholly inside.

    symbol: s complex64 [size]; cycles: the carrier to be undone, per sample.
    """
    if acceleration.NUMBA:
        return np.asarray(_compiled(samples, starts, symbol, cycles, origin))
    out = np.zeros((len(samples), starts.size), np.complex64)
    within = np.arange(symbol.size)
    inside = (starts >= 0) & (starts + symbol.size <= samples.shape[1])
    turned = (symbol.conj() * np.exp(-2j * np.pi * cycles * within)).astype(np.complex64)
    windows = samples[:, starts[inside, None] + within]
    out[:, inside] = windows @ turned * np.exp(-2j * np.pi * cycles * (starts[inside] - origin))
    return out


@acceleration.compiled
def _compiled(samples: np.ndarray, starts: np.ndarray, symbol: np.ndarray, cycles: float, origin: float) -> np.ndarray:
    size = symbol.size
    out = np.zeros((samples.shape[0], starts.size), np.complex64)
    real, imag = np.empty(size, np.float32), np.empty(size, np.float32)
    step = complex(math.cos(2 * math.pi * cycles), -math.sin(2 * math.pi * cycles))
    phasor = complex(1.0, 0.0)
    for i in range(size):
        x = symbol[i].conjugate() * phasor
        real[i], imag[i] = x.real, x.imag
        phasor *= step
    for m in range(starts.size):
        if starts[m] < 0 or starts[m] + size > samples.shape[1]:
            continue
        angle = -2 * math.pi * cycles * (starts[m] - origin)
        for antenna in range(samples.shape[0]):
            window = samples[antenna, starts[m] : starts[m] + size]
            a = b = np.float32(0.0)
            for i in range(size):
                a += window[i].real * real[i] - window[i].imag * imag[i]
                b += window[i].real * imag[i] + window[i].imag * real[i]
            out[antenna, m] = complex(a, b) * complex(math.cos(angle), math.sin(angle))
    return out
