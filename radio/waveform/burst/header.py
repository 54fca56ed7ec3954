"""The protected header of a burst: what is in it, its CRC, its code, its symbols."""

import binascii
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from radio import acceleration
from radio.waveform.burst import convolutional
from radio.waveform.burst.gold import gold_bits

_LAYOUT = struct.Struct(">IBBHHII")  # frame, user, kind, height, width, n_symbols, picture
Kind = Literal["probe", "image", "content"]  # content: of another modality, which the configuration names
_KINDS: tuple[Kind, ...] = ("probe", "image", "content")
HEADER_BITS = 8 * (_LAYOUT.size + 2)
CODED_BITS = 2 * (HEADER_BITS + convolutional.CONSTRAINT - 1)
INTERLEAVER_SEED = 0xB17
_LEVELS = np.array([1, -1], np.float32) / np.float32(np.sqrt(2))  # of a bit


@dataclass(frozen=True)
class FrameHeader:
    """frame, n_symbols, picture: 0 to 2^32 - 1; user: 0 to 255; height, width: 0 to 65535, pixels of an image, of
    other content two numbers of its own.
    """

    frame: int
    user: int
    kind: Kind
    height: int
    width: int
    n_symbols: int
    picture: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @classmethod
    def probe(cls, user: int) -> "FrameHeader":
        """Of a burst without payload."""
        return cls(0, user, "probe", 0, 0, 0, 0)


def crc16(data: bytes) -> int:
    """CRC-16/XMODEM (polynomial 0x1021, initial value 0), the CRC16 of 3GPP TS 38.212, section 5.1."""
    return binascii.crc_hqx(data, 0)


def to_bits(header: FrameHeader) -> np.ndarray:
    """uint8 [HEADER_BITS], CRC included. Raises ValueError when a field is out of range."""
    try:
        data = _LAYOUT.pack(
            header.frame,
            header.user,
            _KINDS.index(header.kind),
            header.height,
            header.width,
            header.n_symbols,
            header.picture,
        )
    except (struct.error, ValueError) as error:
        raise ValueError(f"the header {header} cannot be sent: {error}") from None
    return np.unpackbits(np.frombuffer(data + crc16(data).to_bytes(2, "big"), np.uint8))


def from_bits(bits: np.ndarray) -> FrameHeader | None:
    """The header, or None when its CRC or its kind is wrong."""
    packed = np.packbits(bits).tobytes()
    data, crc = packed[: _LAYOUT.size], int.from_bytes(packed[_LAYOUT.size :], "big")
    if crc16(data) != crc:
        return None
    frame, user, kind, height, width, n_symbols, picture = _LAYOUT.unpack(data)
    if kind >= len(_KINDS):
        return None
    return FrameHeader(frame, user, _KINDS[kind], height, width, n_symbols, picture)


@lru_cache(maxsize=8)
def _order(channel_uses: int) -> np.ndarray:
    """Which coded bit each transmitted bit carries: the code word repeated, each time in another order."""
    rng = np.random.Generator(np.random.PCG64(INTERLEAVER_SEED))
    repeats = -(-2 * channel_uses // CODED_BITS)
    return np.concatenate([rng.permutation(CODED_BITS) for _ in range(repeats)])[: 2 * channel_uses]


def modulate(header: FrameHeader, channel_uses: int) -> np.ndarray:
    """QPSK complex64 [channel_uses] of unit power: coded, repeated to fill, interleaved."""
    coded = convolutional.encode(to_bits(header) ^ _whitening())
    return _LEVELS[coded[_order(channel_uses)]].view(np.complex64)  # real and imaginary by turns


def demodulate(matched: np.ndarray) -> FrameHeader | None:
    """matched: complex64 [channel_uses], conj(g) y / noise_power, whose parts are log-likelihoods up to a factor."""
    parts = np.ascontiguousarray(matched, np.complex64).view(np.float32)  # real and imaginary by turns
    bits = (_decoded_compiled if acceleration.NUMBA else _decoded)(_order(matched.size), parts)
    return from_bits(bits ^ _whitening()) if bits.size else None


def _decoded(order: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """uint8 [HEADER_BITS] of soft parts float32 [n], whose coded bits `order` [n] tells; none where not finite."""
    soft = np.bincount(order, parts, CODED_BITS).astype(np.float32)
    return convolutional.decode(soft) if np.isfinite(soft.sum()) else np.zeros(0, np.uint8)


@acceleration.compiled
def _decoded_compiled(order: np.ndarray, parts: np.ndarray) -> np.ndarray:
    soft = np.zeros(CODED_BITS, np.float32)
    for i in range(parts.size):
        soft[order[i]] += parts[i]
    return convolutional.decode_compiled(soft) if np.isfinite(soft.sum()) else np.zeros(0, np.uint8)


def _whitening() -> np.ndarray:
    """Avoids a high PAPR for small numbers, and that all zeros pass the CRC."""
    return gold_bits(0x3C5A7, HEADER_BITS)
