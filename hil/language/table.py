"""Captions and labels that stand in a file beside the pictures: JSON, JSON lines, CSV, or plain text."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from hil.errors import UsageError
from hil.language.note import Note, clean
from models.images import Picture

MOST_BYTES = 1 << 26
NAMES = ("image", "picture", "file_name", "file", "name", "id")  # columns that name a picture, the first that is there
CAPTIONS = ("caption", "text")
LABELS = ("label", "class")


class Table:
    """A captioner that looks up what a file says: by the picture's name, with or without its suffix, or its number."""

    def __init__(self, by_name: dict[str, Note], in_order: list[Note]) -> None:
        self._by_name, self._in_order = by_name, in_order

    def __len__(self) -> int:
        return len(self._by_name) + len(self._in_order)

    def describe(self, picture: Picture, index: int) -> Note:
        """What the file says of a picture; an empty note where it says nothing."""
        name = picture.image_id
        for key in (name, Path(name).name, Path(name).stem):
            if key in self._by_name:
                return self._by_name[key]
        return self._in_order[index] if index < len(self._in_order) else Note()


def read_table(path: Path) -> Table:
    """A file of captions. Raises UsageError with one sentence.

    .json: {"cat.png": "a cat"}, {"cat.png": {"caption": ..., "place": ...}} or a list of such objects that name their
    image; .jsonl: such objects line by line; .csv and .tsv: columns image and caption or label, all others metadata;
    .txt: a name, a tab and a caption in every line, or captions alone in the pictures' order. Text is UTF-8. Of several
    captions of one picture the first counts.
    """
    readers: dict[str, Callable[[str], Iterable[tuple[str, Note]]]] = {
        ".json": _json,
        ".jsonl": _json_lines,
        ".csv": _columns,
        ".tsv": lambda text: _columns(text, "\t"),
        ".txt": _lines,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path} is no file of captions: allowed are {', '.join(readers)}.")
    by_name: dict[str, Note] = {}
    in_order: list[Note] = []
    try:
        for name, note in reader(read_text(path)):
            if name:
                by_name.setdefault(name, note)
            else:
                in_order.append(note)
    except (ValueError, TypeError, csv.Error, msgspec.MsgspecError, RecursionError) as error:
        raise UsageError(f"{path} is no file of captions: {' '.join(str(error).split()).rstrip('.')}.") from None
    if not by_name and not in_order:
        raise UsageError(f"{path} holds no caption.")
    return Table(by_name, in_order)


def read_text(path: Path) -> str:
    """A UTF-8 file with or without a byte order mark. Raises UsageError."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from None
    if len(content) > MOST_BYTES:
        raise UsageError(f"{path} has more than the {MOST_BYTES >> 20} MB that a file of captions may have.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not UTF-8: byte {error.start} is {content[error.start] if content else 0}."
        ) from None


def described(label: str) -> str:
    """A caption of a label."""
    label = clean(label).replace("_", " ")
    article = "an" if label[:1].lower() in "aeiou" else "a"
    return f"a picture of {article} {label}" if label else ""


def _json(text: str) -> Iterator[tuple[str, Note]]:
    whole = msgspec.json.decode(text)
    if isinstance(whole, list):
        yield from map(_of_object, whole)
    elif isinstance(whole, dict):
        for name, value in whole.items():
            yield name, Note(value) if isinstance(value, str) else _of_object(value)[1]
    else:
        raise ValueError("an object or a list is needed")


def _json_lines(text: str) -> Iterator[tuple[str, Note]]:
    return (_of_object(msgspec.json.decode(line)) for line in text.splitlines() if line.strip())


def _columns(text: str, delimiter: str = ",") -> Iterator[tuple[str, Note]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="")
    known = {(name or "").strip().lower() for name in reader.fieldnames or ()}
    if not known.intersection(CAPTIONS + LABELS):
        raise ValueError(f"no column is named {', '.join(CAPTIONS + LABELS)}")
    return map(_of_object, reader)


def _lines(text: str) -> Iterator[tuple[str, Note]]:
    lines = text.splitlines()
    tabs = any("\t" in line for line in lines)
    for line in lines:
        name, _, caption = line.partition("\t") if tabs else ("", "", line)
        if not tabs or name.strip():
            yield name.strip(), Note(caption.strip())


def _of_object(value: Any) -> tuple[str, Note]:
    """A picture's name, "" for none, and its note, of one object or row."""
    if not isinstance(value, dict):
        raise ValueError(f"{str(value)[:40]!r} is neither a caption nor an object with one")
    facts = {str(name).strip().lower(): _as_text(entry) for name, entry in value.items() if name}
    name = _taken(facts, NAMES)
    caption, label = _taken(facts, CAPTIONS), _taken(facts, LABELS)
    if label:
        facts["label"] = label
    return name, Note(caption or described(label), metadata={key: text for key, text in facts.items() if text})


def _taken(facts: dict[str, str], names: tuple[str, ...]) -> str:
    """The first of these entries that is there, taken out."""
    return next((facts.pop(name) for name in names if name in facts), "").strip()


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
