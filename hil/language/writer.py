"""A transmitter's notes: what its captioner says of a picture, as it fits into a burst's protected bits.

Items of other modalities have their name and no caption.
"""

import logging
from dataclasses import dataclass

from hil.language.captioner import Captioner
from hil.language.note import Note, clean, fitted, pack
from models.images import Picture
from models.modality.base import Item

log = logging.getLogger(__name__)


@dataclass
class NoteWriter:
    """captioner: None sends pictures' names alone; capacity: bytes of protected bits."""

    captioner: Captioner | None
    capacity: int

    def write(self, picture: Picture | Item, index: int) -> tuple[bytes, dict[str, int]]:
        """At most `capacity` bytes, and events: caption_failed, _missing or _cut, identity_cut, metadata_cut.

        A captioner that fails, or says nothing, costs its caption and nothing else.
        """
        events: dict[str, int] = {}
        asked = self.captioner if isinstance(picture, Picture) else None
        said: Note | str = ""
        try:
            said = asked.describe(picture, index) if asked and isinstance(picture, Picture) else ""
            note = said if isinstance(said, Note) else Note(said)
            kept, cut = fitted(Note(note.caption, note.identity or picture.item_id, note.metadata), self.capacity)
            if asked and not clean(note.caption):
                events["caption_missing"] = 1
        except Exception as error:  # a foreign captioner may raise, or return, anything
            log.warning("%s has no caption: %s", picture.item_id, error)
            events["caption_failed"] = 1
            kept, cut = fitted(Note("", picture.item_id), self.capacity)
        return pack(kept), events | {f"{what}_cut": 1 for what in cut}
