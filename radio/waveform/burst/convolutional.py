"""Convolutional codes with a soft-decision Viterbi decoder: a short one for headers, a long one for protected bits."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from radio import acceleration
from radio.waveform.burst.listed import Trellis, most_likely


@dataclass(frozen=True)
class ConvolutionalCode:
    """constraint: K, bits that a coded bit depends on. generators: each adds to the newest bit (its most significant
    one) at least the oldest (its least significant one); at most K bits.
    """

    constraint: int
    generators: tuple[int, ...]

    @property
    def tail_bits(self) -> int:
        """Zeros behind the bits, which end in the zero state."""
        return self.constraint - 1

    @property
    def outputs(self) -> int:
        """Coded bits of a bit."""
        return len(self.generators)

    def word_bits(self, n_bits: int) -> int:
        """Bits of the code word of n_bits."""
        return self.outputs * (n_bits + self.tail_bits)

    @cached_property
    def signs(self) -> np.ndarray:
        """float32 [outputs, states / 2]: +1 where a coded bit is 0 when a zero follows the even state 2 i.

        A one in place of the zero, or the odd state, turns all signs round, since all generators add both ends.
        """
        registers = 2 * np.arange(1 << (self.constraint - 2))
        ones = [
            [(register & generator).bit_count() & 1 for register in registers.tolist()] for generator in self.generators
        ]
        return np.ascontiguousarray(1 - 2 * np.asarray(ones, np.float32))

    @cached_property
    def generator_array(self) -> np.ndarray:
        """int64 [outputs], for compiled callers."""
        return np.asarray(self.generators, np.int64)

    def encode(self, bits: np.ndarray) -> np.ndarray:
        """uint8 [n] -> uint8 [word_bits(n)], all outputs of a bit by turns."""
        if acceleration.NUMBA:
            return np.asarray(_encoded_compiled(bits, self.generator_array, self.constraint))
        return self._encoded(bits)

    def _encoded(self, bits: np.ndarray) -> np.ndarray:
        tail = np.zeros(self.tail_bits, np.uint8)
        padded, length = np.concatenate([tail, bits, tail]), bits.size + self.tail_bits
        coded = np.zeros((length, self.outputs), np.uint8)
        for i, generator in enumerate(self.generators):
            for delay in range(self.constraint):
                if generator >> (self.tail_bits - delay) & 1:
                    coded[:, i] ^= padded[self.tail_bits - delay :][:length]
        return coded.reshape(-1)

    def decode(self, soft: np.ndarray) -> np.ndarray:
        """Most likely bits: float32 [word_bits(n)], positive for bit 0 -> uint8 [n] (Viterbi 1967)."""
        steps = soft.astype(np.float32, copy=False)
        if acceleration.NUMBA:
            return np.asarray(decode_compiled(steps, self.signs))
        survivors = _survivors(steps.reshape(-1, self.outputs), self.signs, _start(2, self.signs))
        return np.asarray(_traced_back(survivors))[: len(survivors) - self.tail_bits]

    def decode_list(self, soft: np.ndarray, words: int) -> Iterator[np.ndarray]:
        """The most likely `words` different bits uint8 [n], one after the other, most likely first; soft: as `decode`.

        The serial list Viterbi algorithm (Seshadri and Sundberg 1994).
        """
        steps = soft.astype(np.float32, copy=False).reshape(-1, self.outputs)
        metrics = _start(len(steps) + 1, self.signs)
        survivors = (_survivors_compiled if acceleration.NUMBA else _survivors)(steps, self.signs, metrics)
        for bits in most_likely(Trellis(steps, self.signs, metrics, survivors), words):
            yield bits[: bits.size - self.tail_bits]


# Free distance 10 (CCSDS 131.0-B), read in microseconds.
HEADER_CODE = ConvolutionalCode(7, (0o171, 0o133))
# Free distance 33 (Larsen 1973); its first two generators alone are a code of rate 1/2 of free distance 15.
BITS_CODE = ConvolutionalCode(13, (0o12477, 0o15573, 0o11145, 0o16727))


@acceleration.compiled
def _encoded_compiled(bits: np.ndarray, generators: np.ndarray, constraint: int) -> np.ndarray:
    """A shift register, newest bit in the most significant place."""
    outputs, length = generators.size, bits.size + constraint - 1
    coded = np.zeros(outputs * length, np.uint8)
    register = 0
    for t in range(length):
        newest = bits[t] if t < bits.size else 0
        register = register >> 1 | newest << (constraint - 1)
        for i in range(outputs):
            ones = register & generators[i]
            while ones:
                coded[outputs * t + i] ^= ones & 1
                ones >>= 1
    return coded


@acceleration.compiled
def decode_compiled(soft: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """`decode` of float32 by the code's `signs`, for compiled callers."""
    survivors = _survivors_compiled(soft.reshape(-1, signs.shape[0]), signs, _start(2, signs))
    bits, tail = _traced_back(survivors), 0
    while 1 << tail < survivors.shape[1]:
        tail += 1
    return bits[: bits.size - tail]


@acceleration.compiled
def _traced_back(survivors: np.ndarray) -> np.ndarray:
    """uint8 [t]: the bits of the path that ends in the zero state."""
    states = survivors.shape[1]
    state, bits = 0, np.zeros(len(survivors), np.uint8)
    for t in range(len(survivors) - 1, -1, -1):
        bits[t] = 2 * state // states  # the newest bit has the most significant place
        state = (2 * state) % states + int(survivors[t, state])
    return bits


@acceleration.compiled
def _start(kept: int, signs: np.ndarray) -> np.ndarray:
    """float32 [kept, states]: room for the metrics of as many steps, the first in the zero state for certain."""
    metrics = np.empty((kept, 2 * signs.shape[1]), np.float32)
    metrics[0] = -np.inf
    metrics[0, 0] = 0.0
    return metrics


def _survivors(steps: np.ndarray, signs: np.ndarray, metrics: np.ndarray) -> np.ndarray:
    """uint8 [t, states]: which of the two states before, 2 i or 2 i + 1, each state is better reached from.

    metrics: see `_start`; filled in turn, from the first again when the room is used up.
    """
    half = signs.shape[1]
    survivors = np.zeros((len(steps), 2 * half), np.uint8)
    for t, gains in enumerate(steps @ signs):
        metric = metrics[t % len(metrics)]
        even, odd = metric[::2], metric[1::2]
        first = np.concatenate([even + gains, even - gains])
        second = np.concatenate([odd - gains, odd + gains])
        survivors[t], metrics[(t + 1) % len(metrics)] = second > first, np.maximum(first, second)
    return survivors


@acceleration.compiled
def _survivors_compiled(steps: np.ndarray, signs: np.ndarray, metrics: np.ndarray) -> np.ndarray:
    """The same, in an order that vectorises."""
    outputs, half = signs.shape
    survivors = np.zeros((steps.shape[0], 2 * half), np.uint8)
    gains = np.zeros(half, np.float32)
    for t in range(steps.shape[0]):
        metric, following = metrics[t % metrics.shape[0]], metrics[(t + 1) % metrics.shape[0]]
        for i in range(half):
            gains[i] = signs[0, i] * steps[t, 0]
        for output in range(1, outputs):
            for i in range(half):
                gains[i] += signs[output, i] * steps[t, output]
        for i in range(half):
            even, odd, gain = metric[2 * i], metric[2 * i + 1], gains[i]
            first, second = even + gain, odd - gain
            survivors[t, i] = second > first
            following[i] = max(first, second)
            first, second = even - gain, odd + gain
            survivors[t, half + i] = second > first
            following[half + i] = max(first, second)
    return survivors
