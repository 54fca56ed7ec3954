"""What came over a network or from a folder, bounded and made harmless for browsers and terminals."""

import math

import numpy as np

MAX_TEXT = 300
PICTURE_KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png"}
MAX_PICTURE_BYTES = 1 << 20


def clean(text: str, most: int = MAX_TEXT) -> str:
    """At most `most` characters, and none that moves a terminal's cursor or turns the direction of writing."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text[:most])


def picture_kind(file: bytes) -> str | None:
    """The media type of a picture that a browser may be given, from its first bytes; None for anything else."""
    if len(file) > MAX_PICTURE_BYTES:
        return None
    return next((kind for magic, kind in PICTURE_KINDS.items() if file.startswith(magic)), None)


def numbers(half_floats: bytes, digits: int, most: int = 4096) -> list[float]:
    """float16 little-endian bytes -> rounded finite numbers, at most `most`."""
    whole = half_floats[: min(len(half_floats) // 2, most) * 2]
    values = np.nan_to_num(np.frombuffer(whole, "<f2").astype(float), posinf=0.0, neginf=0.0)
    return [round(value, digits) for value in values.tolist()]


def rounded(value: float | None, digits: int) -> float | None:
    """None for what is not known or not finite."""
    return round(float(value), digits) if value is not None and math.isfinite(value) else None
