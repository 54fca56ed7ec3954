"""The protected header of a burst: what is in it, its CRC, its code, its symbols."""

import binascii
import struct
from dataclasses import dataclass
from typing import Literal

import numpy as np

from radio.waveform.burst import coded, turned_symbols
from radio.waveform.burst.gold import gold_bits
from radio.waveform.config import BITS_STEP, MOST_PICTURES

# frame and pictures beside the first (in the topmost byte), user, kind and protected bits' length (kind + kinds *
# length), height, width, n_symbols, picture
_LAYOUT = struct.Struct(">IBBHHII")
_FRAME_BITS = 24
Kind = Literal["probe", "image", "content"]  # content: of another modality, which the configuration names
_KINDS: tuple[Kind, ...] = ("probe", "image", "content")
HEADER_BITS = 8 * (_LAYOUT.size + 2)


@dataclass(frozen=True)
class FrameHeader:
    """frame: 0 to 2^24 - 1; n_symbols, picture: 0 to 2^32 - 1; user: 0 to 255; height, width: 0 to 65535, pixels of an
    image, of other content two numbers of its own.

    bits_symbols: OFDM symbols of protected bits (see `bits`) before the picture's, 0 to 168, even. pictures: how many
    the burst carries, 1 to 256, all of one size and each with as many protected bits: of frames `frame`, `frame` + 1
    and so on. n_symbols is that of all of them, picture the number of the first.
    """

    frame: int
    user: int
    kind: Kind
    height: int
    width: int
    n_symbols: int
    picture: int
    bits_symbols: int = 0
    pictures: int = 1

    @property
    def all_bits_symbols(self) -> int:
        """OFDM symbols of all pictures' protected bits."""
        return self.bits_symbols * self.pictures

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
        steps, odd = divmod(header.bits_symbols, BITS_STEP)
        if odd:
            raise ValueError(f"bits_symbols is no multiple of {BITS_STEP}")
        if not (0 <= header.frame < 1 << _FRAME_BITS and 1 <= header.pictures <= MOST_PICTURES):
            raise ValueError(f"frames end at {(1 << _FRAME_BITS) - 1}, a burst has 1 to {MOST_PICTURES} pictures")
        data = _LAYOUT.pack(
            header.frame + (header.pictures - 1 << _FRAME_BITS),
            header.user,
            _KINDS.index(header.kind) + len(_KINDS) * steps,
            header.height,
            header.width,
            header.n_symbols,
            header.picture,
        )
    except (struct.error, ValueError) as error:
        raise ValueError(f"the header {header} cannot be sent: {error}") from None
    return np.unpackbits(np.frombuffer(data + crc16(data).to_bytes(2, "big"), np.uint8))


def from_bits(bits: np.ndarray) -> FrameHeader | None:
    """The header, or None when its CRC is wrong."""
    packed = np.packbits(bits).tobytes()
    data, crc = packed[: _LAYOUT.size], int.from_bytes(packed[_LAYOUT.size :], "big")
    if crc16(data) != crc:
        return None
    frame, user, kind, height, width, n_symbols, picture = _LAYOUT.unpack(data)
    steps, kind = divmod(kind, len(_KINDS))
    behind, frame = divmod(frame, 1 << _FRAME_BITS)
    bits_symbols = BITS_STEP * steps
    return FrameHeader(frame, user, _KINDS[kind], height, width, n_symbols, picture, bits_symbols, 1 + behind)


def modulate(header: FrameHeader, channel_uses: int) -> np.ndarray:
    """QPSK complex64 [channel_uses] of unit power: see `coded`."""
    return coded.modulate(to_bits(header) ^ _whitening(), channel_uses)


def demodulate(matched: np.ndarray) -> FrameHeader | None:
    """The header, None where its CRC is wrong. matched: see `coded`."""
    bits = coded.demodulate(matched, HEADER_BITS)
    return None if bits is None else from_bits(bits ^ _whitening())


def demodulate_turned(matched: np.ndarray) -> FrameHeader | None:
    """`demodulate`, complex64 [symbols, uses], where each symbol has been turned by a phase of its own."""
    for straight in turned_symbols.straight(matched, HEADER_BITS):
        header = demodulate(straight.reshape(-1))
        if header is not None:
            sent = modulate(header, matched.size).reshape(matched.shape)
            agrees = turned_symbols.agreement(matched, sent) > turned_symbols.LEAST_AGREEMENT
            return header if agrees else None
    return None


def _whitening() -> np.ndarray:
    """Avoids a high PAPR for small numbers, and that all zeros pass the CRC."""
    return gold_bits(0x3C5A7, HEADER_BITS)
