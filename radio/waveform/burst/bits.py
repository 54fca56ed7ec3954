"""Protected bits: a few bytes of each user beside its picture's symbols, delivered where pictures are just usable.

They have OFDM symbols of their own before the picture's. In each of them every user has a block of subcarriers to
itself, another one in the next symbol, so that users cost each other nothing and nobody depends on one part of the
band. What a user sends in its block is as loud as all users together are elsewhere.

The bytes end with 0x80 and zeros (the padding of ISO/IEC 7816-4), then CRC-32 (IEEE 802.3); they are coded by a longer
code than the header and repeated as it is (see `coded`). Few bytes make a shorter code word, which is repeated more
often: a receiver tries each of the sizes that there may be, and where none passes, the next likely words of each.
"""

import math
import zlib
from collections.abc import Iterable
from itertools import chain

import numpy as np

from radio.waveform.burst import coded
from radio.waveform.burst.convolutional import BITS_CODE
from radio.waveform.burst.gold import gold_bits
from radio.waveform.config import BITS_STEP, MOST_BITS_SYMBOLS, WaveformConfig

NEEDED_EB_N0_DB = 2.8  # a frame of 64 bytes fails about once in a thousand times at rate 1/2, and less below
RECEIVER_LOSS_DB = 0.8  # of a measured channel at 0 dB against a known one
LEAST_SNR_DB = -3.0  # that bits are made longer for: 64 bytes take 12 % of a burst of 256x256 pixels then
LISTED = 32  # words of each size for CRC and padding to choose among; they pass a wrong one of them in 1e-10 of frames
_WHITENING = 0x1B175


def n_bits(capacity: int) -> int:
    """Bits before coding that frames of up to `capacity` bytes have."""
    return 8 * (capacity + 1 + 4)


def framed(data: bytes, capacity: int) -> np.ndarray:
    """uint8 [n_bits(capacity)]. Raises ValueError when the data is longer than the capacity."""
    if len(data) > capacity:
        raise ValueError(f"{len(data)} bytes do not fit into protected bits of {capacity} bytes")
    padded = data + b"\x80" + bytes(capacity - len(data))
    whole = padded + zlib.crc32(padded).to_bytes(4, "big")
    return np.unpackbits(np.frombuffer(whole, np.uint8)) ^ gold_bits(_WHITENING, n_bits(capacity))


def unframed(bits: np.ndarray) -> bytes | None:
    """The data of uint8 [n_bits]; None when its CRC or its padding is wrong."""
    whole = np.packbits(bits ^ gold_bits(_WHITENING, bits.size)).tobytes()
    padded, crc = whole[:-4], int.from_bytes(whole[-4:], "big")
    data, end, zeros = padded.rpartition(b"\x80")
    return data if end and not any(zeros) and zlib.crc32(padded) == crc else None


def sizes(capacity: int) -> list[int]:
    """Bytes that frames of protected bits may be made for, smallest first: a quarter, a half and the whole capacity."""
    return sorted({-(-capacity // part) for part in (1, 2, 4)})


def modulate(data: bytes, capacity: int, channel_uses: int) -> np.ndarray:
    """complex64 [channel_uses] of unit power. Raises ValueError when the data is longer than the capacity."""
    size = next((size for size in sizes(capacity) if len(data) <= size), capacity)
    return coded.modulate(framed(data, size), channel_uses, BITS_CODE)


def demodulate(matched: np.ndarray, capacity: int) -> bytes | None:
    """The data, None where it cannot be told. matched: see `coded`."""
    words = (coded.demodulate(matched, n_bits(size), BITS_CODE) for size in sizes(capacity))
    data = _first_framed(bits for bits in words if bits is not None)
    if data is not None:
        return data
    lists = (coded.demodulate_list(matched, n_bits(size), BITS_CODE, LISTED) for size in sizes(capacity))
    return _first_framed(chain.from_iterable(lists))


def _first_framed(words: Iterable[np.ndarray]) -> bytes | None:
    return next((data for data in map(unframed, words) if data is not None), None)


def symbols_for(config: WaveformConfig, snr_db: float) -> int:
    """OFDM symbols in which a user with this SNR delivers config.bits_bytes; 0 for a configuration without.

    snr_db: power over noise in the user's block of subcarriers, antennas combined; below LEAST_SNR_DB as there.
    """
    if not config.bits_bytes:
        return 0
    energy_db = NEEDED_EB_N0_DB + RECEIVER_LOSS_DB + 10 * math.log10(n_bits(config.bits_bytes))
    uses = max(10 ** ((energy_db - max(snr_db, LEAST_SNR_DB)) / 10), config.bits_uses_needed)
    symbols = BITS_STEP * math.ceil(uses / config.bits_uses_per_symbol / BITS_STEP)
    return min(symbols, MOST_BITS_SYMBOLS)
