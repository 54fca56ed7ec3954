"""Polar codes of 512 bits with a successive cancellation decoder, for the few bits that go before a picture. numpy
only.

Arikan, IEEE Trans. Inf. Theory 55(7), 2009. Which bits are frozen follows the polarisation weights with beta = 2^(1/4)
(He et al., GLOBECOM 2017), a rule that holds for any channel, so that both ends need to agree on nothing else.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LENGTH = 512  # bits of a code word


@lru_cache(maxsize=8)
def free_places(bits: int) -> NDArray[np.int64]:
    """Where the information bits stand, ascending: int64 [bits]."""
    indices = np.arange(LENGTH)
    stages = LENGTH.bit_length() - 1
    weights = sum((indices >> stage & 1) * 2 ** (stage / 4) for stage in range(stages))
    places = np.sort(np.argsort(weights, kind="stable")[LENGTH - bits :])
    places.setflags(write=False)
    return places


def encode(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 [words, n] -> code words uint8 [words, 512]."""
    words = np.zeros((len(bits), LENGTH), np.uint8)
    words[:, free_places(bits.shape[1])] = bits
    return _transformed(words)


def decode(soft: NDArray[np.float32], bits: int) -> NDArray[np.uint8]:
    """float [words, 512], positive for a bit 0, on any scale -> the information bits, uint8 [words, bits]."""
    frozen = np.ones(LENGTH, bool)
    frozen[free_places(bits)] = False
    inputs, _ = _cancelled(soft, frozen)
    return inputs[:, free_places(bits)]


def _transformed(words: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Arikan's transform, its own inverse, of uint8 [words, 2^m], without bit reversal."""
    out, step = words.copy(), 1
    while step < words.shape[1]:
        pairs = out.reshape(len(out), -1, 2, step)
        pairs[:, :, 0] ^= pairs[:, :, 1]
        step *= 2
    return out


def _cancelled(soft: NDArray[np.float32], frozen: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Inputs and code word of a part of the tree: the upper half by min-sum, then the lower knowing it."""
    if frozen.all():
        nothing = np.zeros(soft.shape, np.uint8)
        return nothing, nothing
    if not frozen.any():
        word = (soft < 0).astype(np.uint8)
        return _transformed(word), word
    half = soft.shape[1] // 2
    first, second = soft[:, :half], soft[:, half:]
    either = np.sign(first) * np.sign(second) * np.minimum(np.abs(first), np.abs(second))
    upper_inputs, upper = _cancelled(either, frozen[:half])
    lower_inputs, lower = _cancelled(second + np.where(upper == 1, -first, first), frozen[half:])
    return np.concatenate((upper_inputs, lower_inputs), axis=1), np.concatenate((upper ^ lower, lower), axis=1)
