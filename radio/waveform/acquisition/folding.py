"""The repeats of a preamble laid over each other, in one pass: noise averages out, one symbol is left.

s(i) = exp(-j 2 pi part i / N) sum_m exp(-j 2 pi part m) r(i + m N), part: the carrier's offset in subcarriers
"""

import math

import numpy as np

from radio import acceleration


def fold(samples: np.ndarray, period: int, repeats: int, length: int, part: float) -> np.ndarray:
    """s complex64 [antennas, length] of complex64 [antennas, at least (repeats - 1) period + length]."""
    if acceleration.NUMBA:
        return np.asarray(_compiled(samples, period, repeats, length, part))
    turns = np.exp(-2j * np.pi * part * np.arange(repeats)).astype(np.complex64)
    summed = sum(turn * samples[:, m * period : m * period + length] for m, turn in enumerate(turns))
    return np.asarray(summed * np.exp(-2j * np.pi * part / period * np.arange(length)).astype(np.complex64))


@acceleration.compiled
def _compiled(samples: np.ndarray, period: int, repeats: int, length: int, part: float) -> np.ndarray:
    out = np.zeros((samples.shape[0], length), np.complex64)
    angle = -2 * math.pi * part
    step = complex(math.cos(angle / period), math.sin(angle / period))
    for antenna in range(samples.shape[0]):
        row = out[antenna]
        for m in range(repeats):
            c, s = np.float32(math.cos(angle * m)), np.float32(math.sin(angle * m))
            part_of_it = samples[antenna, m * period : m * period + length]
            for i in range(length):
                x, y = part_of_it[i].real, part_of_it[i].imag
                row[i] += complex(x * c - y * s, x * s + y * c)
        turn = complex(1.0, 0.0)
        for i in range(length):
            row[i] *= turn
            turn *= step
    return out
