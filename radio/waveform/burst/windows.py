"""Extracts FFT windows from a stream and compensates one user's carrier offset."""

import math

import numpy as np

from radio import acceleration
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.transforms.fourier import transform


def backoff_samples(grid: ResourceGrid) -> int:
    """How far before the strongest path FFT windows start, so that earlier paths stay inside the prefix."""
    return grid.config.cp_samples // 4


def symbol_bins(
    samples: np.ndarray, grid: ResourceGrid, starts: np.ndarray, cfo_hz: float, origin: float
) -> np.ndarray:
    """Active subcarriers of symbols whose windows start at `starts`: complex64 [antennas, len(starts), active].

    samples: complex64 [antennas, n]; starts: int [m], all windows inside the samples. The carrier offset is undone
    with phase zero at sample `origin`: within a window and from window to window by rotation.
    """
    n, half = grid.config.fft_size, grid.config.active_subcarriers // 2
    turned = _turned_compiled if acceleration.NUMBA else _turned
    fourier = transform(len(samples) * starts.size, n)
    windows = fourier.source.reshape(len(samples), starts.size, n)
    turned(samples, starts, cfo_hz / grid.config.sample_rate_hz, float(origin), windows)
    bins = fourier.run().reshape(windows.shape)
    return np.concatenate([bins[..., n - half :], bins[..., 1 : half + 1]], axis=-1)


def _turned(samples: np.ndarray, starts: np.ndarray, cycles: float, origin: float, out: np.ndarray) -> None:
    """The windows, complex64 [antennas, m, size], with `cycles` per sample undone, over sqrt(size)."""
    size = out.shape[2]
    strides = (*samples.strides, samples.strides[1])
    shape = (len(samples), samples.shape[1] - size + 1, size)
    windows = np.lib.stride_tricks.as_strided(samples, shape, strides, writeable=False)[:, starts]
    turns = cycles * (starts - origin)
    phases = np.exp(-2j * np.pi * (turns - np.round(turns))).astype(np.complex64)[:, None]
    within = np.exp(-2j * np.pi * cycles * np.arange(size)) / np.sqrt(size)
    np.multiply(windows, within.astype(np.complex64) * phases, out=out)


@acceleration.compiled
def _turned_compiled(samples: np.ndarray, starts: np.ndarray, cycles: float, origin: float, out: np.ndarray) -> None:
    size = out.shape[2]
    real, imag = np.empty(size, np.float32), np.empty(size, np.float32)
    step = complex(math.cos(2 * math.pi * cycles), -math.sin(2 * math.pi * cycles))
    phasor = complex(1.0 / math.sqrt(size), 0.0)
    for i in range(size):
        real[i], imag[i] = phasor.real, phasor.imag
        phasor *= step
    for m in range(starts.size):
        turns = cycles * (starts[m] - origin)
        angle = -2 * math.pi * (turns - round(turns))
        c, s = np.float32(math.cos(angle)), np.float32(math.sin(angle))
        for antenna in range(samples.shape[0]):
            window = samples[antenna, starts[m] : starts[m] + size]
            for i in range(size):
                a, b = c * real[i] - s * imag[i], c * imag[i] + s * real[i]
                x, y = window[i].real, window[i].imag
                out[antenna, m, i] = complex(x * a - y * b, x * b + y * a)
