"""Image compression at every quality and size: what a picture costs in bits and how far off it is then.

Container and tables that sender and receiver can agree on beforehand are not counted (they would cost a
32x32 picture more than itself), so the figures favour digital transmission.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from models.errors import ModelError

SIDE_BITS = 8
"""Bits spent on saying which of the qualities and sizes below was taken."""
REDUCTIONS = (1, 2, 4)
_QUALITIES = (1, 3, 5, 8, 12, 16, 20, 25, 30, 35, 40, 46, 52, 58, 64, 70, 76, 82, 87, 91, 94, 97)
_HIGH_QUALITIES = _QUALITIES[12:]
_PSNRS_DB = (12, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29.5, 31, 33, 35, 37, 40, 43)


@dataclass(frozen=True)
class Coded:
    """One way to code a picture. bits: counted size; mse: of 8-bit values; content: the file, or the mean colour."""

    bits: int
    mse: float
    content: bytes
    shape: tuple[int, int]

    def decode(self) -> NDArray[np.uint8]:
        """uint8 [H, W, 3], what the receiver shows."""
        return _decode(self.content, self.shape)


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


def code_picture(pixels: NDArray[np.uint8], name: str) -> list[Coded]:
    """Every useful way to code uint8 [H, W, 3] with format ``name``, by rising bits and falling error.

    Small budgets are served by coding the picture at a half and a quarter of its size (bicubic back), by its mean
    colour alone (24 bits), and by mid grey, which costs nothing. ModelError when Pillow lacks the format.
    """
    if name not in FORMATS:
        raise ModelError(f"image format {name!r} is not known; known are {', '.join(FORMATS)}.")
    form = FORMATS[name]
    if not features.check(form.feature):
        raise ModelError(f"this installation of Pillow cannot write {form.pillow_name}.")
    height, width = shape = pixels.shape[:2]
    mean = np.rint(pixels.mean(axis=(0, 1))).astype(np.uint8).tobytes()
    contents = [(b"\x80\x80\x80", 0), (mean, 24)]
    for reduction in REDUCTIONS:
        if reduction > 1 and min(height, width) < 8 * reduction:
            continue
        size = (-(-width // reduction), -(-height // reduction))
        small = Image.fromarray(pixels).resize(size, Image.Resampling.BOX)
        for settings in form.settings:
            content = _encode(small, form, settings)
            if content is not None:
                contents.append((content, 8 * form.counted(content) + SIDE_BITS))
    found = [
        Coded(bits, float(np.mean(np.square(_decode(content, shape).astype(np.float32) - pixels))), content, shape)
        for content, bits in contents
    ]
    return _front(found)


def best_within(coded: list[Coded], bits: float) -> Coded:
    """The entry of ``code_picture`` with the least error that costs at most ``bits``."""
    return [entry for entry in coded if entry.bits <= bits][-1]


def _encode(image: Image.Image, form: Format, settings: dict[str, Any]) -> bytes | None:
    stream = io.BytesIO()
    if form.pillow_name == "JPEG2000":
        # OpenJPEG wants no more resolutions than the picture has.
        settings = settings | {"num_resolutions": max(1, min(6, int(np.log2(min(image.size)))))}
    try:
        image.save(stream, form.pillow_name, **settings)
    except OSError:  # OpenJPEG refuses qualities that a tiny picture cannot be cut to.
        return None
    return stream.getvalue()


def _decode(content: bytes, shape: tuple[int, int]) -> NDArray[np.uint8]:
    height, width = shape
    if len(content) == 3:
        return np.tile(np.frombuffer(content, np.uint8), (height, width, 1))
    with Image.open(io.BytesIO(content)) as image:
        return np.array(image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC), dtype=np.uint8)


def _front(found: list[Coded]) -> list[Coded]:
    """Entries that nothing cheaper equals."""
    kept: list[Coded] = []
    for entry in sorted(found, key=lambda one: (one.bits, one.mse)):
        if not kept or entry.mse < kept[-1].mse:
            kept.append(entry)
    return kept
