"""The compiled passes of a filter whose taps move linearly within segments, two outputs at a time.

Outputs in pairs need three filters of half the length where four are usual (Mou & Duhamel, "Short-length FIR filters
and their use in fast nonrecursive filtering", IEEE Trans. Signal Processing 1991): with the taps' even and odd halves
e, o and (f * x)[m] = sum_j f[j] x[m + j],

    y[2m] = ((e + o) * x_o)[m] + (e * d)[m],  y[2m + 1] = ((e + o) * x_o)[m] + (o * d')[m],
    x_o[m] = x[2m + 1],  d[m] = x[2m] - x[2m + 1],  d'[m] = x[2m + 2] - x[2m + 1].

In a segment of `span` outputs that begins at `first`, the taps are start + w change, w = (n - first) / span. Where
`holds` says so they are held for that many outputs; elsewhere start and change are two filters, joined by a ramp.
"""

import numpy as np

from radio.acceleration import compiled

BLOCK = 1024  # accumulators stay in the first-level cache
_PAIRS = BLOCK // 2


@compiled
def _split(x: np.ndarray, at: int, pairs: int, padded: np.ndarray, planes: np.ndarray) -> None:
    """x_o, d and d' of x[at : at + 2 pairs + 1], zero outside x, into planes: float32 [3, 2, >= pairs]."""
    count = 2 * pairs + 1
    if at >= 0 and at + count <= x.size:
        piece = x[at : at + count]
    else:
        begin, end = min(max(0, -at), count), max(min(count, x.size - at), 0)
        piece = padded[:count]
        piece[:] = np.complex64(0)
        if begin < end:
            piece[begin:end] = x[at + begin : at + end]
    odd_re, odd_im = planes[0, 0, :pairs], planes[0, 1, :pairs]
    before_re, before_im = planes[1, 0, :pairs], planes[1, 1, :pairs]
    after_re, after_im = planes[2, 0, :pairs], planes[2, 1, :pairs]
    for i in range(pairs):
        before, odd, after = piece[2 * i], piece[2 * i + 1], piece[2 * i + 2]
        odd_re[i], odd_im[i] = odd.real, odd.imag
        before_re[i], before_im[i] = before.real - odd.real, before.imag - odd.imag
        after_re[i], after_im[i] = after.real - odd.real, after.imag - odd.imag


@compiled
def _pieces(holds: np.ndarray, span: int, total: int) -> np.ndarray:
    """int64 [P, 3]: segment, first sample within it, samples; what one set of accumulators takes."""
    n = 0
    for s in range(holds.size):
        n += -(-max(0, min(span, total - s * span)) // (holds[s] if holds[s] else BLOCK))
    pieces = np.empty((n, 3), np.int64)
    at = 0
    for s in range(holds.size):
        last = min(span, total - s * span)
        block = holds[s] if holds[s] else BLOCK
        for first in range(0, last, block):
            pieces[at] = s, first, min(block, last - first)
            at += 1
    return pieces


@compiled
def _thirds(taps: np.ndarray) -> np.ndarray:
    """float32 [S, K] to [S, 3, K / 2]: e + o, e and o."""
    thirds = np.empty((taps.shape[0], 3, taps.shape[1] // 2), np.float32)
    thirds[:, 1], thirds[:, 2] = taps[:, 0::2], taps[:, 1::2]
    thirds[:, 0] = thirds[:, 1] + thirds[:, 2]
    return thirds


@compiled
def filter_real(
    x: np.ndarray, begins: np.ndarray, taps: np.ndarray, holds: np.ndarray, span: int, out: np.ndarray
) -> None:
    """x complex64 [n] into out complex64 [m]; begins: int64 [S], where each segment's first tap lies in x.

    taps: float32 [2, S, K], at the segments' starts and how they change. holds: int64 [S], 0 for the ramp.
    """
    start, change = _thirds(taps[0]), _thirds(taps[1])
    half = start.shape[2]
    sums = np.zeros((2, 3, 2, _PAIRS), np.float32)
    planes, padded = np.empty((3, 2, _PAIRS + half), np.float32), np.empty(2 * (_PAIRS + half) + 1, np.complex64)
    step = np.float32(1.0 / span)
    for s, first, count in _pieces(holds, span, out.size):
        pairs = (count + 1) // 2
        _split(x, begins[s] + first, pairs + half, padded, planes)
        w = np.float32(first + 0.5 * count) * step if holds[s] else np.float32(0.0)
        now = start[s] + w * change[s]
        for job in range(3 if holds[s] else 6):
            third, of = job % 3, now if job < 3 else change[s]
            to = sums[job // 3, third]  # one call for all of them: the compiler makes better vectors of it
            _accumulate_real(planes[third, 0], planes[third, 1], of[third], pairs, to[0], to[1])
        if not holds[s]:
            _add_ramp(sums, first, step, pairs)
        _store(sums[0], out[s * span + first : s * span + first + count])


@compiled
def filter_complex(
    x: np.ndarray, begins: np.ndarray, taps_re: np.ndarray, taps_im: np.ndarray, holds: np.ndarray, span: int,
    out: np.ndarray,
) -> None:  # fmt: skip
    """As `filter_real`, with complex taps: taps_re, taps_im float32 [2, S, K]."""
    start_re, start_im, change_re, change_im = (
        _thirds(taps_re[0]), _thirds(taps_im[0]), _thirds(taps_re[1]), _thirds(taps_im[1])
    )  # fmt: skip
    half = start_re.shape[2]
    sums = np.zeros((2, 3, 2, _PAIRS), np.float32)
    planes, padded = np.empty((3, 2, _PAIRS + half), np.float32), np.empty(2 * (_PAIRS + half) + 1, np.complex64)
    step = np.float32(1.0 / span)
    for s, first, count in _pieces(holds, span, out.size):
        pairs = (count + 1) // 2
        _split(x, begins[s] + first, pairs + half, padded, planes)
        w = np.float32(first + 0.5 * count) * step if holds[s] else np.float32(0.0)
        now_re, now_im = start_re[s] + w * change_re[s], start_im[s] + w * change_im[s]
        for job in range(3 if holds[s] else 6):
            third = job % 3
            of_re, of_im = (now_re, now_im) if job < 3 else (change_re[s], change_im[s])
            to = sums[job // 3, third]
            _accumulate_complex(planes[third, 0], planes[third, 1], of_re[third], of_im[third], pairs, to[0], to[1])
        if not holds[s]:
            _add_ramp(sums, first, step, pairs)
        _store(sums[0], out[s * span + first : s * span + first + count])


@compiled
def _add_ramp(sums: np.ndarray, first: int, step: np.float32, pairs: int) -> None:
    """sums: float32 [held or changing, third, I or Q, pairs]; what changes is added to the even and odd thirds."""
    for part in range(2):
        change_both = sums[1, 0, part, :pairs]
        for odd in range(2):
            total, change = sums[0, 1 + odd, part, :pairs], sums[1, 1 + odd, part, :pairs]
            for i in range(pairs):
                total[i] += np.float32(first + 2 * i + odd) * step * (change_both[i] + change[i])


@compiled
def _store(sums: np.ndarray, out: np.ndarray) -> None:
    """out complex64 [n] from sums: float32 [third, I or Q, pairs]; n may be odd."""
    pairs = out.size // 2
    both_re, even_re, odd_re = sums[0, 0], sums[1, 0], sums[2, 0]
    both_im, even_im, odd_im = sums[0, 1], sums[1, 1], sums[2, 1]
    for i in range(pairs):
        out[2 * i] = complex(even_re[i] + both_re[i], even_im[i] + both_im[i])
        out[2 * i + 1] = complex(odd_re[i] + both_re[i], odd_im[i] + both_im[i])
    if out.size % 2:
        out[2 * pairs] = complex(even_re[pairs] + both_re[pairs], even_im[pairs] + both_im[pairs])


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
