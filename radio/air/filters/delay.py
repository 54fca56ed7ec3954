"""Fractional delays as filter taps.

A band-limited signal at a position between its samples: x(p) = sum_m x[m] sinc(p - m) (Shannon). The sum is
cut to 32 terms with a Kaiser window, g(t) = sinc(t) I0(beta sqrt(1 - (t / 16)^2)) / I0(beta), beta = 8: the
error is below -76 dB over the inner 80 % of the band and -57 dB over 85 % (Laakso et al., "Splitting the unit
delay", IEEE Signal Processing Magazine 1996).
"""

from functools import cache

import numpy as np

from radio import acceleration
from radio.acceleration import compiled

HALF_WIDTH = 16
_BETA = 8.0
_STEPS_PER_SAMPLE = 1024


@cache
def _table() -> np.ndarray:
    """float64 g(t) for t = -HALF_WIDTH ... HALF_WIDTH in steps of 1/1024, with a zero behind either end."""
    t = np.arange(-HALF_WIDTH * _STEPS_PER_SAMPLE, HALF_WIDTH * _STEPS_PER_SAMPLE + 1) / _STEPS_PER_SAMPLE
    window = np.i0(_BETA * np.sqrt(np.maximum(0.0, 1 - (t / HALF_WIDTH) ** 2))) / np.i0(_BETA)
    values = np.sinc(t) * window
    values[[0, -1]] = 0.0
    return np.concatenate([[0.0], values, [0.0]])


def windowed_sinc(t: np.ndarray) -> np.ndarray:
    """g(t) for float64 t of any shape; zero from 16 samples on; linear in the table (-118 dB)."""
    position = np.clip((t + HALF_WIDTH) * _STEPS_PER_SAMPLE + 1, 0.0, 2 * HALF_WIDTH * _STEPS_PER_SAMPLE + 1)
    index = position.astype(np.int64)
    table = _table()
    low = table[index]
    return low + (position - index) * (table[index + 1] - low)


def composite_taps(positions_samples: np.ndarray, gains: np.ndarray, n_taps: int) -> np.ndarray:
    """Taps of sum_l gains[s, l] x(positions[s, l]): [S, n_taps] of gains' type, tap k being that of x[k].

    positions_samples: float64 [S, L]. gains: float64 or complex128 [S, L].
    """
    if acceleration.NUMBA:
        out = np.zeros((len(gains), n_taps), gains.dtype)
        _add_taps(positions_samples, gains, _table(), out)
        return out
    taps = windowed_sinc(positions_samples[:, :, None] - np.arange(n_taps))
    return np.asarray(np.einsum("sl,slk->sk", gains, taps))


@compiled
def _add_taps(positions: np.ndarray, gains: np.ndarray, table: np.ndarray, out: np.ndarray) -> None:
    last = 2 * HALF_WIDTH * _STEPS_PER_SAMPLE
    for s in range(positions.shape[0]):
        for path in range(positions.shape[1]):
            place = (positions[s, path] + HALF_WIDTH) * _STEPS_PER_SAMPLE + 1.0  # in the table, for tap 0
            whole = int(np.floor(place))
            share, gain = place - whole, gains[s, path]
            first = max(0, -((last - whole) // _STEPS_PER_SAMPLE))
            for k in range(first, min(out.shape[1], whole // _STEPS_PER_SAMPLE + 1)):
                low = table[whole - k * _STEPS_PER_SAMPLE]
                out[s, k] += gain * (low + share * (table[whole - k * _STEPS_PER_SAMPLE + 1] - low))
