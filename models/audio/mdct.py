"""The modified discrete cosine transform with a sine window, orthonormal: errors keep their energy.

Princen, Johnson and Bradley, ICASSP 1987; the lapped form as a DCT-IV of folded blocks.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

HOP = 320  # samples and coefficients of a frame: 20 ms at 16 kHz
_WINDOW = np.sin(np.pi * (np.arange(2 * HOP) + 0.5) / (2 * HOP)).astype(np.float32)


def frames_of(samples: int) -> int:
    """Frames that cover so many samples."""
    return math.ceil(samples / HOP) + 1


def analyse(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [n] -> coefficients float32 [frames_of(n), HOP]."""
    frames = frames_of(samples.size)
    padded = np.zeros((frames + 1) * HOP, np.float32)
    padded[HOP : HOP + samples.size] = samples
    blocks = padded.reshape(frames + 1, HOP)
    a, b = np.split(blocks[:-1] * _WINDOW[:HOP], 2, axis=1)
    c, d = np.split(blocks[1:] * _WINDOW[HOP:], 2, axis=1)
    folded = np.concatenate([-c[:, ::-1] - d, a - b[:, ::-1]], axis=1)
    return dct(folded, type=4, norm="ortho", axis=1).astype(np.float32)


def synthesise(coefficients: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Coefficients float32 [frames, HOP] -> float32 [samples], the inverse of `analyse`."""
    folded = dct(coefficients, type=4, norm="ortho", axis=1)
    first, second = np.split(folded, 2, axis=1)
    early = np.concatenate([second, -second[:, ::-1]], axis=1) * _WINDOW[:HOP]
    late = np.concatenate([-first[:, ::-1], -first], axis=1) * _WINDOW[HOP:]
    blocks = np.zeros((len(coefficients) + 1, HOP), np.float32)
    blocks[:-1] += early
    blocks[1:] += late
    return blocks.ravel()[HOP : HOP + samples]
