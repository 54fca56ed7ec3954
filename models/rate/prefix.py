"""What goes before the symbols of a picture that is large enough: a word that says how its symbols are shared out, and
the map itself where they are shared out unequally. numpy only.

The word is one of four orthogonal sequences of 64 channel uses. The map's bits go in segments of 256 uses, QPSK, each a
polar code word with a checksum of its own; the first says how many there are.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import hadamard

from models.errors import ModelError
from models.rate import polar

WORD_USES = 64
SEGMENT_USES = polar.LENGTH // 2
CHECK_BITS, COUNT_BITS = 16, 8
MOST_SEGMENTS = (1 << COUNT_BITS) - 1
WORD_SEED = 0x5EED
INTERLEAVER_SEED = 0x1EAF


class MapLost(ModelError):
    """A picture whose rate map did not arrive: its symbols cannot be told apart."""


@dataclass(frozen=True)
class Mode:
    """number: which word names it. blocks: blocks of the map on each side for one of the map's values, 0 where all
    positions have as much. bits: of a code word of 512 that carry something, checksum included. least_sinr_db: from
    which SINR on a transmitter uses it: some dB above where a segment in a thousand is lost on white noise.
    """

    number: int
    blocks: int
    bits: int
    least_sinr_db: float

    @property
    def uses_a_bit(self) -> float:
        """Channel uses for a bit of the map."""
        return SEGMENT_USES / (self.bits - CHECK_BITS)

    def segments(self, n_bits: int) -> int:
        """How many carry a map of n bits."""
        return -(-(n_bits + COUNT_BITS) // (self.bits - CHECK_BITS))

    def uses(self, n_bits: int) -> int:
        """Channel uses of word and map."""
        return WORD_USES + (SEGMENT_USES * self.segments(n_bits) if self.blocks else 0)


EVEN = Mode(0, 0, 0, -np.inf)
COARSE = Mode(1, 2, 128, 3.0)
FINE = Mode(2, 1, 256, 7.0)
MODES = (EVEN, COARSE, FINE)


def prefix_symbols(mode: Mode, bits: NDArray[np.uint8]) -> NDArray[np.complex64]:
    """Word and map as symbols of unit power, complex64 [mode.uses(bits.size)]. ModelError for a map of more than 255
    segments.
    """
    if not mode.blocks:
        return _words()[mode.number]
    count, net = mode.segments(bits.size), mode.bits - CHECK_BITS
    if count > MOST_SEGMENTS:
        raise ModelError(f"a rate map of {bits.size} bits takes {count} segments, more than {MOST_SEGMENTS}.")
    numbered = np.concatenate((np.unpackbits(np.array([count], np.uint8)), bits))
    held = np.zeros(count * net, np.uint8)
    held[: numbered.size] = numbered
    words = np.stack([np.concatenate((row, _checksum(row))) for row in held.reshape(count, net)])
    coded = polar.encode(words)[:, _order()]
    signs = 1 - 2.0 * coded.reshape(-1, 2)
    return np.concatenate((_words()[mode.number], (signs @ [1, 1j]) / np.sqrt(2))).astype(np.complex64)


def read_mode(symbols: NDArray[np.complex64]) -> Mode:
    """Which mode the first 64 received symbols name."""
    heard = (_words().conj() @ symbols[:WORD_USES]).real
    number = int(np.argmax(heard))
    if number >= len(MODES):
        raise MapLost("the word before the picture names no way of sharing out symbols")
    return MODES[number]


def read_bits(mode: Mode, symbols: NDArray[np.complex64]) -> tuple[NDArray[np.uint8], int]:
    """The map's bits, with all fill after them, and how many uses word and map have. MapLost where a checksum is wrong.

    symbols: complex64 [k], as received, of the word, the map and what follows.
    """
    coded = symbols[WORD_USES:]
    first = _segment(mode, coded[:SEGMENT_USES][None])
    count = int(np.packbits(first[0, :COUNT_BITS])[0])
    if not 1 <= count <= coded.size // SEGMENT_USES:
        raise MapLost("the rate map names more segments than there are")
    rest = coded[SEGMENT_USES : count * SEGMENT_USES].reshape(count - 1, SEGMENT_USES)
    held = np.concatenate((first, _segment(mode, rest)) if len(rest) else (first,))
    return held.ravel()[COUNT_BITS:], WORD_USES + count * SEGMENT_USES


def _segment(mode: Mode, symbols: NDArray[np.complex64]) -> NDArray[np.uint8]:
    """Received symbols [segments, 256] -> their bits without checksums."""
    if symbols.shape[1] < SEGMENT_USES:
        raise MapLost("the rate map is cut off")
    soft = np.empty((len(symbols), polar.LENGTH), np.float32)
    soft[:, _order()] = np.stack((symbols.real, symbols.imag), axis=2).reshape(len(symbols), -1)
    bits = polar.decode(soft, mode.bits)
    for row in bits:
        if not np.array_equal(row[-CHECK_BITS:], _checksum(row[:-CHECK_BITS])):
            raise MapLost("the checksum of its rate map is wrong")
    return bits[:, :-CHECK_BITS]


def _checksum(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """CRC-16-CCITT of the bits, of a register that does not begin at zero: nothing at all is no message."""
    value = binascii.crc_hqx(np.packbits(bits).tobytes(), 0xFFFF)
    return np.unpackbits(np.array([value >> 8, value & 0xFF], np.uint8))


@lru_cache(maxsize=1)
def _words() -> NDArray[np.complex64]:
    """Complex64 [4, 64]: rows of a Hadamard matrix, turned alike by quarters."""
    turns = 1j ** np.random.Generator(np.random.PCG64(WORD_SEED)).integers(0, 4, WORD_USES)
    return np.asarray(hadamard(WORD_USES)[:4] * turns, np.complex64)


@lru_cache(maxsize=1)
def _order() -> NDArray[np.int64]:
    """Coded bits are sent in this order, so that what fades together is not together in the code word."""
    return np.random.Generator(np.random.PCG64(INTERLEAVER_SEED)).permutation(polar.LENGTH)
