"""A filter whose taps move linearly within each segment: one pass for delay, clock skew, multipath and
Doppler.

y[n] = sum_k (c0[k] + w (c1[k] - c0[k])) x[n + base + k],   w = (n - first) / span in the segment that begins
at `first`.

For a delay that drifts by D samples in a segment the linear step errs by at most (pi D)^2 / 8 of the
amplitude at the band edge; `radio.air.link` chooses segments so that this is below -60 dB. The compiled form
holds the taps for a few hundred samples where holding errs by less than -60 dB: w is uniform within such a
hold, so the error's rms is |c1 - c0| / |c0| * hold / span / sqrt(12).
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft

from radio import acceleration
from radio.acceleration import compiled

_BLOCK = 512  # accumulators stay in the first-level cache
_SMALLEST_TRANSFORM = 512
_HOLD_ERROR = 1e-3
_SHORTEST_HOLD = 96  # below this the two passes of the linear form are cheaper


@dataclass(frozen=True)
class TapTrack:
    """Taps over time. Segment s covers outputs s * span ... (s + 1) * span - 1.

    bases: int64 [S]. start, change: float64 or complex128 [S, K], K a multiple of 4; change is end
    minus start.
    """

    span: int
    bases: np.ndarray
    start: np.ndarray
    change: np.ndarray


def filter_track(x: np.ndarray, track: TapTrack, out: np.ndarray) -> None:
    """complex64 x [n] through the track into out, complex64 [m <= S * span]; x is zero outside."""
    begins = track.span * np.arange(track.bases.size) + track.bases
    if acceleration.NUMBA:
        taps = np.stack([track.start, track.change])
        if np.iscomplexobj(taps):
            planes = (taps.real.astype(np.float32), taps.imag.astype(np.float32))
            _filter_complex(x, begins, *planes, _hold_samples(track), track.span, out)
        else:
            _filter_real(x, begins, taps.astype(np.float32), _hold_samples(track), track.span, out)
        return
    before = max(0, -int(begins.min()))
    after = max(0, int(begins.max()) + track.span + track.start.shape[1] - x.size)
    padded = np.pad(x, (before, after))
    for s in range(begins.size):
        first, begin = s * track.span, int(begins[s]) + before
        count = min(track.span, out.size - first)
        piece = padded[begin : begin + count + track.start.shape[1] - 1]
        out[first : first + count] = _filter_by_fft(piece, track.start[s], track.change[s], track.span)


def _hold_samples(track: TapTrack) -> np.ndarray:
    """int64 [S]: for how many samples the taps may be held; 0 where that is too short to be worth it."""
    relative = np.linalg.norm(track.change, axis=1) / np.maximum(np.linalg.norm(track.start, axis=1), 1e-30)
    hold = np.minimum(_BLOCK, _HOLD_ERROR * np.sqrt(12) * track.span / np.maximum(relative, 1e-30))
    return np.where(hold < _SHORTEST_HOLD, 0, hold).astype(np.int64)


@compiled
def _split(x: np.ndarray, at: int, count: int, planes: np.ndarray) -> None:
    """Real and imaginary parts of x[at : at + count], zero outside x, into float32 planes [2, >= count]."""
    begin, end = min(max(0, -at), count), max(min(count, x.size - at), 0)
    planes[:, :begin] = np.float32(0.0)
    for i in range(begin, end):
        planes[0, i] = x[at + i].real
        planes[1, i] = x[at + i].imag
    planes[:, max(begin, end) : count] = np.float32(0.0)


@compiled
def _pieces(holds: np.ndarray, span: int, total: int) -> np.ndarray:
    """int64 [P, 3]: segment, first sample within it, samples; what one set of accumulators takes."""
    n = 0
    for s in range(holds.size):
        n += -(-max(0, min(span, total - s * span)) // (holds[s] if holds[s] else _BLOCK))
    pieces = np.empty((n, 3), np.int64)
    at = 0
    for s in range(holds.size):
        last = min(span, total - s * span)
        block = holds[s] if holds[s] else _BLOCK
        for first in range(0, last, block):
            pieces[at] = s, first, min(block, last - first)
            at += 1
    return pieces


@compiled
def _filter_real(
    x: np.ndarray, begins: np.ndarray, taps: np.ndarray, holds: np.ndarray, span: int, out: np.ndarray
) -> None:
    """taps: float32 [2, S, K]."""
    acc, add = np.empty((2, _BLOCK), np.float32), np.empty((2, _BLOCK), np.float32)
    planes = np.empty((2, _BLOCK + taps.shape[2]), np.float32)
    step = np.float32(1.0 / span)
    for s, first, count in _pieces(holds, span, out.size):
        _split(x, begins[s] + first, count + taps.shape[2], planes)
        w = np.float32(first + 0.5 * count) * step if holds[s] else np.float32(0.0)
        _accumulate_real(planes[0], planes[1], taps[0, s] + w * taps[1, s], count, acc[0], acc[1])
        if not holds[s]:
            _accumulate_real(planes[0], planes[1], taps[1, s], count, add[0], add[1])
            _add_ramp(first, count, step, acc, add)
        _store(acc, out, s * span + first, count)


@compiled
def _filter_complex(
    x: np.ndarray, begins: np.ndarray, taps_re: np.ndarray, taps_im: np.ndarray, holds: np.ndarray, span: int,
    out: np.ndarray,
) -> None:  # fmt: skip
    """taps_re, taps_im: float32 [2, S, K]."""
    acc, add = np.empty((2, _BLOCK), np.float32), np.empty((2, _BLOCK), np.float32)
    planes = np.empty((2, _BLOCK + taps_re.shape[2]), np.float32)
    step = np.float32(1.0 / span)
    for s, first, count in _pieces(holds, span, out.size):
        _split(x, begins[s] + first, count + taps_re.shape[2], planes)
        w = np.float32(first + 0.5 * count) * step if holds[s] else np.float32(0.0)
        held_re, held_im = taps_re[0, s] + w * taps_re[1, s], taps_im[0, s] + w * taps_im[1, s]
        _accumulate_complex(planes[0], planes[1], held_re, held_im, count, acc[0], acc[1])
        if not holds[s]:
            _accumulate_complex(planes[0], planes[1], taps_re[1, s], taps_im[1, s], count, add[0], add[1])
            _add_ramp(first, count, step, acc, add)
        _store(acc, out, s * span + first, count)


@compiled
def _store(acc: np.ndarray, out: np.ndarray, at: int, count: int) -> None:
    for i in range(count):
        out[at + i] = complex(acc[0, i], acc[1, i])


@compiled
def _add_ramp(first: int, count: int, step: np.float32, acc: np.ndarray, add: np.ndarray) -> None:
    for i in range(count):
        w = np.float32(first + i) * step
        acc[0, i] += w * add[0, i]
        acc[1, i] += w * add[1, i]


@compiled
def _accumulate_real(
    real: np.ndarray,
    imag: np.ndarray,
    taps: np.ndarray,
    count: int,
    acc_re: np.ndarray,
    acc_im: np.ndarray,
) -> None:
    acc_re[:count] = np.float32(0.0)
    acc_im[:count] = np.float32(0.0)
    for k in range(0, taps.size, 4):  # four at a time: the sums are loaded and stored a fourth as often
        c0, c1, c2, c3 = taps[k], taps[k + 1], taps[k + 2], taps[k + 3]
        re, im = real[k : k + count + 3], imag[k : k + count + 3]
        for i in range(count):
            acc_re[i] += c0 * re[i] + c1 * re[i + 1] + c2 * re[i + 2] + c3 * re[i + 3]
            acc_im[i] += c0 * im[i] + c1 * im[i + 1] + c2 * im[i + 2] + c3 * im[i + 3]


@compiled
def _accumulate_complex(
    real: np.ndarray, imag: np.ndarray, taps_re: np.ndarray, taps_im: np.ndarray, count: int,
    acc_re: np.ndarray, acc_im: np.ndarray,
) -> None:  # fmt: skip
    acc_re[:count] = np.float32(0.0)
    acc_im[:count] = np.float32(0.0)
    for k in range(0, taps_re.size, 4):
        a0, a1, a2, a3 = taps_re[k], taps_re[k + 1], taps_re[k + 2], taps_re[k + 3]
        b0, b1, b2, b3 = taps_im[k], taps_im[k + 1], taps_im[k + 2], taps_im[k + 3]
        re, im = real[k : k + count + 3], imag[k : k + count + 3]
        for i in range(count):
            re0, re1, re2, re3 = re[i], re[i + 1], re[i + 2], re[i + 3]
            im0, im1, im2, im3 = im[i], im[i + 1], im[i + 2], im[i + 3]
            acc_re[i] += a0 * re0 + a1 * re1 + a2 * re2 + a3 * re3 - (b0 * im0 + b1 * im1 + b2 * im2 + b3 * im3)
            acc_im[i] += a0 * im0 + a1 * im1 + a2 * im2 + a3 * im3 + (b0 * re0 + b1 * re1 + b2 * re2 + b3 * re3)


def _filter_by_fft(piece: np.ndarray, start: np.ndarray, change: np.ndarray, span: int) -> np.ndarray:
    """One segment by overlap-save. piece: complex64 [count + K - 1]; returns complex64 [count]."""
    n_taps = start.size
    count = piece.size - n_taps + 1
    size = max(_SMALLEST_TRANSFORM, 1 << int(8 * n_taps - 1).bit_length())
    step = size - n_taps + 1
    n_tiles = -(-count // step)
    padded = np.pad(piece, (0, n_tiles * step + n_taps - 1 - piece.size))
    spectrum = fft.fft(sliding_window_view(padded, size)[::step])

    def through(coefficients: np.ndarray) -> np.ndarray:
        response = fft.fft(coefficients[::-1].astype(np.complex64), size)
        return np.asarray(fft.ifft(spectrum * response)[:, n_taps - 1 :]).reshape(-1)[:count]

    out = through(start)
    if change.any():
        out = out + (np.arange(count) / span).astype(np.float32) * through(change)
    return out
