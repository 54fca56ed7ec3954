"""Image compression at every quality and size: what a picture costs in bits and how far off it is then.

Container and tables that sender and receiver can agree on beforehand are not counted (they would cost a
32x32 picture more than itself), so the figures favour digital transmission.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from models.digital.formats import FORMATS, Format
from models.errors import ModelError

SIDE_BITS = 8
"""Bits spent on saying which of the qualities and sizes below was taken."""
REDUCTIONS = (1, 2, 4)


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
