"""Buffers that a driver handed over twice: noise never repeats itself exactly, a stale buffer does."""

import numpy as np

SIGNATURE_SAMPLES = 8  # in a row that must be equal before two places are compared at all
LEAST_PAIRS = 256


def without_repeats(data: np.ndarray, least_lag: int) -> tuple[np.ndarray, int]:
    """complex64 [antennas, n] without the second copies of buffers that follow on themselves; samples taken out.

    least_lag: samples; what repeats after less is a signal's own doing, a preamble's for example.
    """
    removed = 0
    while (found := _repeat(np.ascontiguousarray(data[0]).view(np.uint64), least_lag)) is not None:
        begin, lag = found
        data = np.delete(data, slice(begin + lag, begin + 2 * lag), axis=1)
        removed += lag
    return data, removed


def _repeat(values: np.ndarray, least_lag: int) -> tuple[int, int] | None:
    """Where a buffer begins that comes twice in a row, and its length; values: uint64 [n], bits of the samples."""
    count = values.size - SIGNATURE_SAMPLES + 1
    if count <= least_lag:
        return None
    weights = np.random.Generator(np.random.PCG64(1)).integers(1, 2**63, SIGNATURE_SAMPLES, np.uint64) | np.uint64(1)
    signatures = sum(values[i : i + count] * weight for i, weight in enumerate(weights))
    order = np.argsort(signatures, kind="stable")
    same = (np.diff(signatures[order]) == 0) & (signatures[order][1:] != 0)  # silence is all zeros
    lags = order[1:][same] - order[:-1][same]
    lags = lags[lags >= least_lag]
    if lags.size < LEAST_PAIRS:
        return None
    lengths, votes = np.unique(lags, return_counts=True)
    lag = int(lengths[votes.argmax()])
    again = (values[lag:] == values[:-lag]) & (values[lag:] != 0)
    changes = np.diff(again.astype(np.int8), prepend=0, append=0)
    begins, ends = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)
    longest = int((ends - begins).argmax())
    return (int(begins[longest]), lag) if ends[longest] - begins[longest] >= lag - SIGNATURE_SAMPLES else None
