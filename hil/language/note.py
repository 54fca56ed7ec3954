"""What a burst's protected bits say of its picture: a msgpack array, [caption, identity, metadata], no empty ends."""

import unicodedata

import msgspec

CUT = "…"  # ends a caption that did not fit
MOST_CHARACTERS = 4096  # of a text that is looked at; protected bits hold 256 bytes
_JOINERS = "\u200c\u200d"  # invisible, but Persian, Indic scripts and emoji are spelt with them


class Note(msgspec.Struct, array_like=True, frozen=True):
    """caption: a sentence, "" for none; identity: the picture's name; metadata: anything else, by name."""

    caption: str = ""
    identity: str = ""
    metadata: dict[str, str] = {}


_decoder = msgspec.msgpack.Decoder(Note)


def clean(text: str) -> str:
    """One line of normalised text (NFC) without characters that control a terminal or the direction of writing."""
    kept = [
        char if char in _JOINERS or not unicodedata.category(char).startswith(("C", "Zl", "Zp")) else " "
        for char in unicodedata.normalize("NFC", text[:MOST_CHARACTERS])
    ]
    return " ".join("".join(kept).split())


def cleaned(note: Note) -> Note:
    """The note with every text `clean`; entries without a name or a value are left out."""
    metadata = {clean(name): clean(value) for name, value in note.metadata.items()}
    return Note(clean(note.caption), clean(note.identity), {n: value for n, value in metadata.items() if n and value})


def pack(note: Note) -> bytes:
    """msgpack; b"" of an empty note."""
    fields = [note.caption, note.identity, note.metadata]
    while fields and not fields[-1]:
        fields.pop()
    return msgspec.msgpack.encode(fields) if fields else b""


def unpack(data: bytes) -> Note | None:
    """The note, `cleaned`: whoever sent it may have meant harm. None for bytes that are none."""
    if not data:
        return Note()
    try:
        return cleaned(_decoder.decode(data))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def fitted(note: Note, capacity: int) -> tuple[Note, tuple[str, ...]]:
    """As much of the note, cleaned, as `capacity` bytes hold, and what was cut: "caption", "identity", "metadata".

    Metadata goes first, its last entries before the others, then the identity; a caption keeps its beginning.
    """
    note, cut = cleaned(note), []
    entries = list(note.metadata.items())
    while len(pack(note)) > capacity and entries:
        entries.pop()
        note, cut = Note(note.caption, note.identity, dict(entries)), ["metadata"]
    if len(pack(note)) > capacity and note.identity:
        note = Note(note.caption)
        cut.append("identity")
    if len(pack(note)) > capacity:
        note = Note(_beginning(note.caption, capacity))
        cut.append("caption")
    return note, tuple(cut)


def _beginning(caption: str, capacity: int) -> str:
    """The longest beginning that fits with a sign that it is one; "" where nothing does."""
    least, most = 0, min(len(caption), capacity)  # a character has a byte at least
    while least < most:
        middle = (least + most + 1) // 2
        if len(pack(Note(caption[:middle] + CUT))) <= capacity:
            least = middle
        else:
            most = middle - 1
    while least and (unicodedata.combining(caption[least]) or caption[least - 1] in _JOINERS):
        least -= 1  # not between a letter and its marks
    return caption[:least].rstrip() + CUT if least else ""
