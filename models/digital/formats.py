"""The image formats: their qualities, and which bytes of a file have to be sent.

Container, headers and tables that sender and receiver can agree on beforehand are not counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.errors import ModelError

_QUALITIES = (1, 3, 5, 8, 12, 16, 20, 25, 30, 35, 40, 46, 52, 58, 64, 70, 76, 82, 87, 91, 94, 97)
_HIGH_QUALITIES = _QUALITIES[12:]
_PSNRS_DB = (12, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29.5, 31, 33, 35, 37, 40, 43)


@dataclass(frozen=True)
class Format:
    """settings: options of Pillow's ``save``, each one quality; counted: bytes of a file that must be sent."""

    pillow_name: str
    feature: str
    settings: tuple[dict[str, Any], ...]
    counted: Callable[[bytes], int]


def jpeg_bytes(content: bytes) -> int:
    """Bytes of the entropy-coded segments, between SOS headers and EOI (ITU-T T.81, B.1.1.2)."""
    start = content.index(b"\xff\xda")
    header = int.from_bytes(content[start + 2 : start + 4], "big")
    return len(content) - 2 - (start + 2 + header)


def webp_bytes(content: bytes) -> int:
    """Bytes of the VP8 bit stream without the RIFF container (RFC 9649, 2.5)."""
    place = content.index(b"VP8 ")
    return int.from_bytes(content[place + 4 : place + 8], "little")


def jpeg2000_bytes(content: bytes) -> int:
    """Bytes of packets, after the first SOD marker and before EOC (ITU-T T.800, A.4.3)."""
    return len(content) - content.index(b"\xff\x93") - 4


def avif_bytes(content: bytes) -> int:
    """Bytes of the media data boxes (ISO/IEC 14496-12, 8.1.1), which hold the AV1 bit stream."""
    place, total = 0, 0
    while place + 8 <= len(content):
        size, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        size = size or len(content) - place
        if size < 8:
            raise ModelError(f"an AVIF box of {size} bytes cannot be read.")
        total += size - 8 if kind == b"mdat" else 0
        place += size
    return total


FORMATS: dict[str, Format] = {
    "jpeg": Format(
        "JPEG",
        "jpg",
        (*({"quality": q} for q in _QUALITIES), *({"quality": q, "subsampling": "4:4:4"} for q in _HIGH_QUALITIES)),
        jpeg_bytes,
    ),
    "webp": Format("WEBP", "webp", tuple({"quality": q, "method": 4} for q in _QUALITIES), webp_bytes),
    "jpeg2000": Format(
        "JPEG2000",
        "jpg_2000",
        tuple(
            {"quality_mode": "dB", "quality_layers": [d], "irreversible": True, "no_jp2": True, "mct": 1}
            for d in _PSNRS_DB
        ),
        jpeg2000_bytes,
    ),
    "avif": Format(
        "AVIF",
        "avif",
        (
            *({"quality": q, "speed": 8, "max_threads": 1} for q in _QUALITIES),
            *({"quality": q, "speed": 8, "max_threads": 1, "subsampling": "4:4:4"} for q in _HIGH_QUALITIES),
        ),
        avif_bytes,
    ),
}
