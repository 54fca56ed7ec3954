"""How large a capture gets, from what is known before it begins."""

import math
from dataclasses import dataclass
from pathlib import Path

from hil.config import RunConfig
from hil.dataset.layout import CHUNK_BYTES, Field, fields_of

FACTS_BYTES = 1500  # of JSON per slot, and per user and antenna on top; texts differ a little
USER_FACTS_BYTES = 1500
TAPS = 24  # the most that a channel has
NAME_BYTES = 32
FIELD_BYTES = 5000  # of a field's description and its first chunk of numbers
SPARE_BYTES = 1 << 28  # that a run must leave on the disk


@dataclass(frozen=True)
class CaptureBytes:
    """parts: bytes of one slot by part; fixed: of the file besides."""

    parts: dict[str, int]
    fixed: int

    @property
    def per_slot(self) -> int:
        """Of all parts."""
        return sum(self.parts.values())

    def whole(self, slots: int) -> int:
        """Of a file with so many slots."""
        return self.fixed + slots * self.per_slot


def capture_bytes(
    config: RunConfig, parts: tuple[str, ...], slot_samples: int, largest: tuple[int, int] = (0, 0)
) -> CaptureBytes:
    """Of one slot with a frame. largest: a user's symbols k and the bytes of its picture."""
    sizes = {
        "users": config.users,
        "antennas": config.rx_antennas,
        "subcarriers": config.waveform.active_subcarriers,
        "samples": slot_samples,
    }
    found = dict.fromkeys(("slots", *parts), 0)
    for one in fields_of(parts):
        found[one.part] += _entry_bytes(one, sizes, largest)
    ragged = sum(one.ragged for one in fields_of(parts))
    return CaptureBytes(found, ragged * (CHUNK_BYTES // 2) + len(fields_of(parts)) * FIELD_BYTES)


def _entry_bytes(one: Field, sizes: dict[str, int], largest: tuple[int, int]) -> int:
    fixed = math.prod(one.fixed_shape(sizes))
    if not one.ragged:
        return fixed * one.dtype.itemsize
    symbols, content = largest
    users, antennas = sizes["users"], sizes["antennas"]
    last = {
        "slots/facts": FACTS_BYTES + USER_FACTS_BYTES * users * antennas,
        "csi/symbols": 8 * symbols,
        "truth/symbols": 8 * symbols,
        "truth/pictures": content,
        "truth/items": 0,  # a user has one or the other
        "truth/image_id": NAME_BYTES,
        "truth/tap_delays_samples": 8 * TAPS,
        "truth/tap_gains": 16 * TAPS * antennas,
    }[one.name]
    return fixed * (last + 16)


def size_sentence(path: Path, size: CaptureBytes, slots: int, free: int, endless: bool = False) -> str:
    """What is going to be written, for people."""
    shares = ", ".join(f"{name} {said(one)}" for name, one in size.parts.items() if name != "slots")
    room = f"room for {free // max(size.per_slot, 1):,} frames"
    whole = room if endless else f"{said(size.whole(slots))} in all"
    return f"capture: {path}, {said(size.per_slot)} a frame ({shares}), {whole}"


def no_room(path: Path, size: CaptureBytes, slots: int, free: int) -> str | None:
    """A sentence where the disk lacks room for so many slots; None where it has enough."""
    needed = size.whole(slots)
    if needed + SPARE_BYTES <= free:
        return None
    return (
        f"capturing {slots} slots into {path} takes {said(needed)} and {said(free)} are free: "
        f"capture fewer frames or parts, or choose another --out."
    )


def said(n_bytes: float) -> str:
    """Bytes with a unit of ten."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} TB"
