"""What one user's burst carries: one item or several, encoded and with their protected bits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hil.bus.parts import SentItem
from hil.errors import HilError
from hil.language.writer import NoteWriter
from models.images import Picture
from models.modality.base import Item
from models.modality.halves import Sending, SendingSeveral
from models.sharing import Sharing
from models.side_information import SideInformation
from radio.waveform.burst.header import FrameHeader, Kind


@dataclass(frozen=True)
class Outgoing:
    """numbers: of the items in their source. symbols: complex64 [k], of all items. protected: of each; b"" without."""

    header: FrameHeader
    items: Sequence[Picture | Item] = ()
    numbers: Sequence[int] = ()
    symbols: np.ndarray = field(default_factory=lambda: np.zeros(0, np.complex64))
    protected: Sequence[bytes] = (b"",)
    events: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        frame: int,
        user: int,
        items: Sequence[Picture | Item],
        numbers: Sequence[int],
        symbols: Sequence[np.ndarray],
        bits_symbols: int,
        notes: NoteWriter,
    ) -> "Outgoing":
        """symbols: complex64 [k] of each item. HilError where the items have different sizes."""
        if len({(item.size, own.size) for item, own in zip(items, symbols, strict=True)}) > 1:
            sizes = sorted({item.size for item in items})
            raise HilError(f"frames {frame} to {frame + len(items) - 1} have items of the sizes {sizes} in one burst")
        kind: Kind = "image" if isinstance(items[0], Picture) else "content"
        together = np.concatenate(symbols)
        size, pictures = items[0].size, len(items)
        header = FrameHeader(frame, user, kind, *size, together.size, numbers[0], bits_symbols, pictures)
        written = (
            [notes.write(item, number) for item, number in zip(items, numbers, strict=True)] if bits_symbols else []
        )
        events: Counter[str] = Counter()
        for _, happened in written:
            events.update(happened)
        protected = [one for one, _ in written] or [b""] * pictures
        return cls(header, items, numbers, together, protected, dict(events))

    @property
    def values(self) -> np.ndarray:
        """The originals: [...] of one item, [items, ...] of several; empty without."""
        if not self.items:
            return np.zeros(0, np.uint8)
        values = [item.values for item in self.items]
        return np.ascontiguousarray(np.stack(values) if len(values) > 1 else values[0])

    def told(self) -> dict[str, Any]:
        """Its part of `Sent`."""
        header, first = self.header, self.items[0] if self.items else None
        height, width = first.original_size if first else (0, 0)
        return {
            "picture": header.picture,
            "image_id": first.item_id if first else "",
            "form": list(first.values.shape) if isinstance(first, Item) else [],
            "height": header.height,
            "width": header.width,
            "original_height": height,
            "original_width": width,
            "n_symbols": header.n_symbols,
            "bits_symbols": header.bits_symbols,
            "protected": self.protected[0],
            "behind": [
                SentItem(number, item.item_id, *item.original_size, protected)
                for item, number, protected in list(zip(self.items, self.numbers, self.protected, strict=True))[1:]
            ]
            if self.items
            else [],
        }


def encoded(
    encoder: Sending, items: Sequence[Picture | Item], user: int, side: SideInformation, sharing: Sharing | None
) -> list[np.ndarray]:
    """complex64 [k] of each item."""
    contents = [item.content for item in items]
    if len(contents) > 1 and isinstance(encoder, SendingSeveral):
        return list(encoder.encode_all(contents, user, side, sharing))
    return [encoder.encode(content, user, side, sharing) for content in contents]
