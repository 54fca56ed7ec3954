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
from radio.air.filters.paired_filter import BLOCK, filter_complex, filter_real

_SMALLEST_TRANSFORM = 512
_HOLD_ERROR = 1e-3
_SHORTEST_HOLD = 96  # below this the two passes of the linear form are cheaper


@dataclass(frozen=True)
class TapTrack:
    """Taps over time. Segment s covers outputs s * span ... (s + 1) * span - 1.

    bases: int64 [S]. start, change: float64 or complex128 [S, K], K a multiple of 8; change is end
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
            filter_complex(x, begins, *planes, _hold_samples(track), track.span, out)
        else:
            filter_real(x, begins, taps.astype(np.float32), _hold_samples(track), track.span, out)
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
    hold = np.minimum(BLOCK, _HOLD_ERROR * np.sqrt(12) * track.span / np.maximum(relative, 1e-30))
    return np.where(hold < _SHORTEST_HOLD, 0, hold).astype(np.int64)


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
