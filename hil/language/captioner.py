"""Who says what is on a picture: a file, a sentence of the user's, or a captioner that another package adds.

A captioner has one method, `describe`. A package adds its own by an entry point of the group semnoma_hil.captioners: a
function that takes the text behind the name's colon ("" for none) and returns a captioner.
"""

from pathlib import Path
from typing import Protocol

from hil.errors import UsageError
from hil.language.labels import LABELS, WRONG_LABELS, Labels
from hil.language.note import Note
from hil.language.table import read_table, read_text
from models.images import Picture
from models.images.source import Split
from models.suggestion import did_you_mean
from radio.extensions import installed, load

CAPTIONERS = "semnoma_hil.captioners"
TEXT, SIDECAR = "text", "sidecar"
OWN = (SIDECAR, TEXT, LABELS, WRONG_LABELS)


class Captioner(Protocol):
    """Whoever describes pictures."""

    def describe(self, picture: Picture, index: int) -> Note | str:
        """Of the picture with this number, from 0, in its source. A caption alone may be a str."""
        ...


class Sidecars:
    """Text files beside the pictures: cat.txt or cat.png.txt says what is on cat.png."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def describe(self, picture: Picture, index: int) -> str:
        """ "" where there is no such file. Raises UsageError for one that cannot be read."""
        for name in (f"{picture.image_id}.txt", f"{Path(picture.image_id).stem}.txt"):
            path = self._folder / Path(name).name
            if path.is_file():
                return read_text(path)
        return ""


class Sentence:
    """The same words for every picture."""

    def __init__(self, words: str) -> None:
        self._words = words

    def describe(self, picture: Picture, index: int) -> str:
        """The words."""
        return self._words


def open_captioner(named: str | None, images: str, split: Split = "all") -> Captioner | None:
    """None for None. images: as configured, where sidecars lie and labels stand; split: of these that is sent.

    named: a file (see `read_table`), sidecar, text:WORDS, labels or wrong-labels (of a labelled data set), or NAME or
    NAME:ARGUMENT of a captioner that an installed package adds. Raises UsageError, or ConfigurationError for one that
    cannot be imported.
    """
    if named is None:
        return None
    name, _, argument = named.partition(":")
    if name == TEXT:
        return Sentence(argument)
    if named in (LABELS, WRONG_LABELS):
        return Labels.of(images, named == WRONG_LABELS, split)
    if named == SIDECAR:
        folder = Path(images)
        if not folder.exists():
            raise UsageError(f"captions are sidecar, but the pictures ({images}) are no files with texts beside them.")
        return Sidecars(folder if folder.is_dir() else folder.parent)
    if Path(named).exists():
        return read_table(Path(named))
    added = installed(CAPTIONERS)
    if name in added:
        captioner: Captioner = load(CAPTIONERS, name)(argument)
        return captioner
    guess = did_you_mean(name, [*OWN, *added])
    raise UsageError(
        f"captions are {named!r}, which is neither a file nor a captioner{guess}; "
        f"allowed are a file, {', '.join([SIDECAR, 'text:WORDS', LABELS, WRONG_LABELS, *added])}."
    )
