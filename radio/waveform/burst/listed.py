"""The most likely paths through a trellis in order, for a checksum to choose among: the serial list Viterbi algorithm
(Seshadri and Sundberg, "List Viterbi decoding algorithms with applications", IEEE Trans. Commun. 42, 1994)."""

import heapq
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import numpy as np

from radio import acceleration


class Trellis(NamedTuple):
    """What Viterbi's forward pass leaves.

    steps: float32 [t, outputs], what was received; signs: float32 [outputs, states / 2] of `ConvolutionalCode`;
    metrics: float32 [t + 1, states], of the best path to each state; survivors: uint8 [t, states], which of the two
    states before that path came from.
    """

    steps: np.ndarray
    signs: np.ndarray
    metrics: np.ndarray
    survivors: np.ndarray


def most_likely(trellis: Trellis, words: int) -> Iterator[np.ndarray]:
    """uint8 [t], up to `words` times: the bits of paths that end in the zero state, most likely first.

    The next path always leaves one that is known, at one step and for good: it is the best of those that do.
    """
    length, order = len(trellis.steps), count()
    candidates = [(0.0, next(order), length, 0, np.zeros(length, np.uint8))]
    for left in range(words - 1, -1, -1):
        if not candidates:
            return
        cost, _, length, state, behind = heapq.heappop(candidates)
        bits = behind.copy()
        losses, others = _traced_back(*trellis, state, bits[:length])
        yield bits
        for t in np.argsort(losses)[:left].tolist():
            if np.isfinite(losses[t]):
                candidate = (cost + float(losses[t]), next(order), t, int(others[t]), bits)
                heapq.heappush(candidates, candidate)


@acceleration.compiled
def _traced_back(
    steps: np.ndarray, signs: np.ndarray, metrics: np.ndarray, survivors: np.ndarray, state: int, bits: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fill in uint8 `bits` of the best path to `state` at their end. Returns what it costs to come from the other
    state before, at each of their steps (float32; infinite where nothing leads there), and which one that is (int64).
    """
    length, states, half = bits.size, survivors.shape[1], signs.shape[1]
    losses, others = np.full(length, np.inf, np.float32), np.zeros(length, np.int64)
    for t in range(length - 1, -1, -1):
        bits[t] = state // half  # the newest bit has the most significant place
        even = (2 * state) % states
        gain = np.float32(0.0)
        for output in range(signs.shape[0]):
            gain += signs[output, even // 2] * steps[t, output]
        lead = metrics[t, even] - metrics[t, even + 1] + (2 * gain if bits[t] == 0 else -2 * gain)
        if np.isfinite(lead):
            losses[t] = abs(lead)
        survivor = int(survivors[t, state])
        others[t] = even + 1 - survivor
        state = even + survivor
    return losses, others
