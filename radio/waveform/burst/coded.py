"""Bits as QPSK symbols: coded, repeated until every channel use is filled, interleaved; and back."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from radio import acceleration
from radio.waveform.burst.convolutional import HEADER_CODE, ConvolutionalCode, decode_compiled

INTERLEAVER_SEED = 0xB17
_LEVELS = np.array([1, -1], np.float32) / np.float32(np.sqrt(2))  # of a bit


@lru_cache(maxsize=32)
def _order(code: ConvolutionalCode, n_bits: int, channel_uses: int) -> np.ndarray:
    """Which coded bit each transmitted bit carries: the code word repeated, each time in another order.

    At first the outputs of two generators, so that few channel uses still hold a code of rate 1/2.
    """
    rng = np.random.Generator(np.random.PCG64(INTERLEAVER_SEED))
    word_bits = code.word_bits(n_bits)
    by_bit = np.arange(word_bits).reshape(-1, code.outputs)
    orders = [rng.permutation(by_bit[:, :2].reshape(-1)), rng.permutation(by_bit[:, 2:].reshape(-1))]
    repeats = -(-2 * channel_uses // word_bits)
    orders += [rng.permutation(word_bits) for _ in range(repeats - 1)]
    return np.concatenate(orders)[: 2 * channel_uses]


def modulate(bits: np.ndarray, channel_uses: int, code: ConvolutionalCode = HEADER_CODE) -> np.ndarray:
    """uint8 [n] -> QPSK complex64 [channel_uses] of unit power."""
    sent = code.encode(bits)[_order(code, bits.size, channel_uses)]
    return _LEVELS[sent].view(np.complex64)  # real and imaginary by turns


def demodulate(matched: np.ndarray, n_bits: int, code: ConvolutionalCode = HEADER_CODE) -> np.ndarray | None:
    """Most likely bits uint8 [n_bits]; None where what was received is not finite.

    matched: complex64 [channel_uses], conj(g) y / noise_power, whose parts are log-likelihoods up to a factor; 0 says
    nothing.
    """
    if acceleration.NUMBA:
        order, word_bits = _order(code, n_bits, matched.size), code.word_bits(n_bits)
        bits = np.asarray(_decoded_compiled(order, _parts(matched), word_bits, code.signs))
        return bits if bits.size else None
    soft = _soft(matched, n_bits, code)
    return code.decode(soft) if np.isfinite(soft.sum()) else None


def demodulate_list(matched: np.ndarray, n_bits: int, code: ConvolutionalCode, words: int) -> Iterator[np.ndarray]:
    """The most likely `words` different bits uint8 [n_bits], most likely first; none where what was received is not
    finite. matched: see `demodulate`."""
    soft = _soft(matched, n_bits, code)
    return code.decode_list(soft, words) if np.isfinite(soft.sum()) else iter(())


def _soft(matched: np.ndarray, n_bits: int, code: ConvolutionalCode) -> np.ndarray:
    """float32 [code.word_bits(n_bits)]: what all repetitions of each coded bit say together."""
    order = _order(code, n_bits, matched.size)
    return np.bincount(order, _parts(matched), code.word_bits(n_bits)).astype(np.float32)


def _parts(matched: np.ndarray) -> np.ndarray:
    """float32 [2 channel_uses], real and imaginary parts by turns."""
    return np.ascontiguousarray(matched, np.complex64).view(np.float32)


def soft_bits(matched: np.ndarray, n_bits: int) -> np.ndarray:
    """What each symbol by itself says of a header's coded bits: float32 [symbols, HEADER_CODE.word_bits(n_bits)].

    matched: complex64 [symbols, uses], see `demodulate`.
    """
    word_bits, parts = HEADER_CODE.word_bits(n_bits), _parts(matched)
    order = _order(HEADER_CODE, n_bits, matched.size).reshape(len(parts), -1)
    rows = [np.bincount(*one, word_bits) for one in zip(order, parts, strict=True)]
    return np.asarray(rows, np.float32)


@acceleration.compiled
def _decoded_compiled(order: np.ndarray, parts: np.ndarray, word_bits: int, signs: np.ndarray) -> np.ndarray:
    """uint8 [n_bits] of soft parts float32 [n], whose coded bits `order` [n] tells; none where not finite."""
    soft = np.zeros(word_bits, np.float32)
    for i in range(parts.size):
        soft[order[i]] += parts[i]
    return decode_compiled(soft, signs) if np.isfinite(soft.sum()) else np.zeros(0, np.uint8)
