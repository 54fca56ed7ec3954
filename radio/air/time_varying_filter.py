"""A filter whose taps move linearly within each segment: one pass for delay, clock skew, multipath and Doppler.

y[n] = sum_k (c0[k] + w (c1[k] - c0[k])) x[n + base + k],   w = (n - first) / span for n in a segment.

For a delay that drifts by D samples in a segment the linear step errs by at most (pi D)^2 / 8 of the amplitude at the
band edge; `radio.air.link` chooses segments so that this is below -60 dB.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from radio.air import acceleration
from radio.air.acceleration import compiled

_BLOCK = 512  # accumulators stay in the first-level cache


@dataclass(frozen=True)
class Segment:
    """Outputs first .. first + count - 1; taps complex128 or float64 [K] at w = 0 and at w = 1, span samples later."""

    first: int
    count: int
    span: int
    base: int
    start_taps: np.ndarray
    end_taps: np.ndarray


def filter_segments(x: np.ndarray, segments: list[Segment], n_out: int) -> np.ndarray:
    """complex64 x [n] through the segments; complex64 [n_out]. x counts as zero outside."""
    if not segments:
        return np.zeros(n_out, np.complex64)
    taps = segments[0].start_taps.size
    before = max(0, -min(s.first + s.base for s in segments))
    after = max(0, max(s.first + s.base + s.count + taps for s in segments) - x.size)
    padded = np.pad(x, (before, after))
    out = np.empty(n_out, np.complex64)
    if acceleration.NUMBA:
        real, imag = padded.real.copy(), padded.imag.copy()
        for s in segments:
            _filter_compiled(real, imag, before + s.first + s.base, *_split(s), s.span, out[s.first : s.first + s.count])
    else:
        for s in segments:
            begin = before + s.first + s.base
            piece = padded[begin : begin + s.count + taps - 1]
            out[s.first : s.first + s.count] = _filter_by_fft(piece, s)
    return out


def _split(s: Segment) -> tuple[np.ndarray, np.ndarray]:
    """float32 [K, 2]: taps and their change over the segment; [K, 4] (real, imaginary, changes) for complex ones."""
    change = s.end_taps - s.start_taps
    if np.iscomplexobj(change):
        columns = (s.start_taps.real, s.start_taps.imag, change.real, change.imag)
        return np.stack(columns, axis=1).astype(np.float32), np.array(bool(change.any()))
    return np.stack([s.start_taps, change], axis=1).astype(np.float32), np.array(bool(change.any()))


@compiled
def _filter_compiled(
    real: np.ndarray, imag: np.ndarray, begin: int, taps: np.ndarray, moves: np.ndarray, span: int, out: np.ndarray
) -> None:
    acc_re = np.empty(_BLOCK, np.float32)
    acc_im = np.empty(_BLOCK, np.float32)
    add_re = np.empty(_BLOCK, np.float32)
    add_im = np.empty(_BLOCK, np.float32)
    is_complex = taps.shape[1] == 4
    step = np.float32(1.0 / span)
    for first in range(0, out.size, _BLOCK):
        count = min(_BLOCK, out.size - first)
        if is_complex:
            _accumulate_complex(real, imag, begin + first, taps, 0, count, acc_re, acc_im)
        else:
            _accumulate_real(real, imag, begin + first, taps, 0, count, acc_re, acc_im)
        if moves:
            if is_complex:
                _accumulate_complex(real, imag, begin + first, taps, 2, count, add_re, add_im)
            else:
                _accumulate_real(real, imag, begin + first, taps, 1, count, add_re, add_im)
            for i in range(count):
                w = np.float32(first + i) * step
                acc_re[i] += w * add_re[i]
                acc_im[i] += w * add_im[i]
        for i in range(count):
            out[first + i] = complex(acc_re[i], acc_im[i])


@compiled
def _accumulate_real(
    real: np.ndarray, imag: np.ndarray, at: int, taps: np.ndarray, column: int, count: int,
    acc_re: np.ndarray, acc_im: np.ndarray,
) -> None:  # fmt: skip
    acc_re[:count] = np.float32(0.0)
    acc_im[:count] = np.float32(0.0)
    for k in range(taps.shape[0]):
        c = taps[k, column]
        re, im = real[at + k : at + k + count], imag[at + k : at + k + count]
        for i in range(count):
            acc_re[i] += c * re[i]
            acc_im[i] += c * im[i]


@compiled
def _accumulate_complex(
    real: np.ndarray, imag: np.ndarray, at: int, taps: np.ndarray, column: int, count: int,
    acc_re: np.ndarray, acc_im: np.ndarray,
) -> None:  # fmt: skip
    acc_re[:count] = np.float32(0.0)
    acc_im[:count] = np.float32(0.0)
    for k in range(taps.shape[0]):
        a, b = taps[k, column], taps[k, column + 1]
        re, im = real[at + k : at + k + count], imag[at + k : at + k + count]
        for i in range(count):
            acc_re[i] += a * re[i] - b * im[i]
            acc_im[i] += a * im[i] + b * re[i]


def _filter_by_fft(piece: np.ndarray, s: Segment) -> np.ndarray:
    """The same by fast convolution. piece: complex64 [count + K - 1]; returns complex64 [count]."""
    taps = s.start_taps.size
    size = fft.next_fast_len(piece.size)
    spectrum = fft.fft(piece, size)

    def through(coefficients: np.ndarray) -> np.ndarray:
        response = fft.fft(coefficients[::-1].astype(np.complex64), size)
        return fft.ifft(spectrum * response)[taps - 1 : taps - 1 + s.count]

    out = through(s.start_taps)
    change = s.end_taps - s.start_taps
    if change.any():
        w = (np.arange(s.count) / s.span).astype(np.float32)
        out = out + w * through(change)
    return np.asarray(out, np.complex64)
