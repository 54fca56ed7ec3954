"""Bits as QPSK symbols: coded, repeated until every channel use is filled, interleaved; and back."""

from functools import lru_cache

import numpy as np

from radio import acceleration
from radio.waveform.burst import convolutional

INTERLEAVER_SEED = 0xB17
_LEVELS = np.array([1, -1], np.float32) / np.float32(np.sqrt(2))  # of a bit


def coded_bits(n_bits: int) -> int:
    """Bits of the code word of n_bits."""
    return 2 * (n_bits + convolutional.CONSTRAINT - 1)


@lru_cache(maxsize=32)
def _order(word_bits: int, channel_uses: int) -> np.ndarray:
    """Which coded bit each transmitted bit carries: the code word repeated, each time in another order."""
    rng = np.random.Generator(np.random.PCG64(INTERLEAVER_SEED))
    repeats = -(-2 * channel_uses // word_bits)
    return np.concatenate([rng.permutation(word_bits) for _ in range(repeats)])[: 2 * channel_uses]


def modulate(bits: np.ndarray, channel_uses: int) -> np.ndarray:
    """uint8 [n] -> QPSK complex64 [channel_uses] of unit power."""
    word = convolutional.encode(bits)
    return _LEVELS[word[_order(word.size, channel_uses)]].view(np.complex64)  # real and imaginary by turns


def demodulate(matched: np.ndarray, n_bits: int) -> np.ndarray | None:
    """Most likely bits uint8 [n_bits]; None where what was received is not finite.

    matched: complex64 [channel_uses], conj(g) y / noise_power, whose parts are log-likelihoods up to a factor; 0 says
    nothing.
    """
    parts = np.ascontiguousarray(matched, np.complex64).view(np.float32)  # real and imaginary by turns
    word_bits = coded_bits(n_bits)
    bits = (_decoded_compiled if acceleration.NUMBA else _decoded)(_order(word_bits, matched.size), parts, word_bits)
    return np.asarray(bits) if bits.size else None


def soft_bits(matched: np.ndarray, n_bits: int) -> np.ndarray:
    """What each symbol by itself says of the coded bits: float32 [symbols, coded_bits(n_bits)].

    matched: complex64 [symbols, uses], see `demodulate`.
    """
    word_bits, parts = coded_bits(n_bits), np.ascontiguousarray(matched, np.complex64).view(np.float32)
    order = _order(word_bits, matched.size).reshape(len(parts), -1)
    rows = [np.bincount(*one, word_bits) for one in zip(order, parts, strict=True)]
    return np.asarray(rows, np.float32)


def _decoded(order: np.ndarray, parts: np.ndarray, word_bits: int) -> np.ndarray:
    """uint8 [n_bits] of soft parts float32 [n], whose coded bits `order` [n] tells; none where not finite."""
    soft = np.bincount(order, parts, word_bits).astype(np.float32)
    return convolutional.decode(soft) if np.isfinite(soft.sum()) else np.zeros(0, np.uint8)


@acceleration.compiled
def _decoded_compiled(order: np.ndarray, parts: np.ndarray, word_bits: int) -> np.ndarray:
    soft = np.zeros(word_bits, np.float32)
    for i in range(parts.size):
        soft[order[i]] += parts[i]
    return convolutional.decode_compiled(soft) if np.isfinite(soft.sum()) else np.zeros(0, np.uint8)
