"""Notes: what is packed is read back, what does not fit is cut and said, and nothing that is received can do harm."""

import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.language.note import CUT, Note, clean, cleaned, fitted, pack, unpack
from hil.language.writer import NoteWriter
from models.images import Picture
from tests.hil.language.pictures import picture

texts = st.text(max_size=80)
notes = st.builds(Note, texts, texts, st.dictionaries(texts, texts, max_size=4))


@given(notes)
def test_what_is_packed_is_read_back(note):
    clean_note = cleaned(note)
    assert unpack(pack(clean_note)) == clean_note


@given(notes, st.integers(0, 256))
def test_what_is_fitted_fits_and_says_what_is_missing(note, capacity):
    kept, cut = fitted(note, capacity)
    whole = cleaned(note)
    assert len(pack(kept)) <= capacity and unpack(pack(kept)) == kept
    assert (kept == whole) == (not cut)
    assert set(kept.metadata.items()) <= set(whole.metadata.items())
    assert kept.identity in ("", whole.identity)
    if "caption" in cut:
        assert not kept.identity and not kept.metadata
        assert whole.caption.startswith(kept.caption.removesuffix(CUT).rstrip())
    else:
        assert kept.caption == whole.caption


@given(st.binary(max_size=256))
def test_any_bytes_are_a_clean_note_or_none(data):
    note = unpack(data)
    if note is not None:
        for text in (note.caption, note.identity, *note.metadata, *note.metadata.values()):
            assert clean(text) == text


@pytest.mark.parametrize(
    "data",
    [b"\xc1", b"\x93\xa1a", msgspec.msgpack.encode([1]), msgspec.msgpack.encode({"caption": "a"}), b"\x91" * 250],
)
def test_what_is_no_note_is_none(data):
    assert unpack(data) is None


@pytest.mark.parametrize(
    "caption",
    [
        "一只猫坐在桌子上",
        "قطة تجلس على الطاولة",
        "गली में एक कुत्ता",
        "👩\u200d👩\u200d👧 a family",
        "می\u200cخواهم",
        "Ελληνικά и кириллица",
    ],
)
def test_other_scripts_arrive_whole_or_cut_between_letters(caption):
    assert unpack(pack(Note(caption))).caption == unicodedata.normalize("NFC", caption)
    for capacity in range(4, len(caption.encode()) + 3):
        kept, cut = fitted(Note(caption), capacity)
        beginning = kept.caption.removesuffix(CUT)
        assert len(pack(kept)) <= capacity
        assert not beginning or not unicodedata.combining(caption[len(beginning) :][:1] or "a")
        assert cut == (() if kept.caption == caption else ("caption",))


def test_control_characters_and_turned_writing_are_taken_out():
    nasty = "a\x1b[31m\r\n cat\u202e\u2066 \ud800 \x00sat\u2028on\tthe\ufeff mat"
    assert clean(nasty) == "a [31m cat sat on the mat"


def test_ten_kilobytes_are_cut():
    kept, cut = fitted(Note("a cat on a mat " * 700, "cat.png", {"place": "lab"}), 64)
    assert cut == ("metadata", "identity", "caption")
    assert kept.caption.startswith("a cat on a mat") and kept.caption.endswith(CUT) and 60 < len(pack(kept)) <= 64


def test_metadata_goes_before_the_identity_and_the_last_first():
    note = Note("a cat", "cat.png", {"place": "lab", "camera": "x" * 40})
    assert fitted(note, 40) == (Note("a cat", "cat.png", {"place": "lab"}), ("metadata",))
    assert fitted(note, 16) == (Note("a cat", "cat.png"), ("metadata",))
    assert fitted(note, 8) == (Note("a cat"), ("metadata", "identity"))


class Says:
    def __init__(self, said):
        self.said = said

    def describe(self, picture: Picture, index: int):
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


@pytest.mark.parametrize("said", [RuntimeError("no weights"), 7, None, b"bytes", Note(3), Note("a", metadata={"a": 1})])
def test_a_captioner_that_fails_costs_its_caption_alone(said):
    data, events = NoteWriter(Says(said), 64).write(picture("cat.png"), 0)
    assert unpack(data) == Note("", "cat.png") and events == {"caption_failed": 1}


@pytest.mark.parametrize("said", ["", "a cat", Note("a cat"), Note("a cat", "other.png")])
def test_the_identity_is_the_pictures_unless_a_captioner_knows_better(said):
    data, events = NoteWriter(Says(said), 64).write(picture("cat.png"), 0)
    note = said if isinstance(said, Note) else Note(said)
    assert unpack(data) == Note(note.caption, note.identity or "cat.png")
    assert events == ({} if said else {"caption_missing": 1})


def test_without_a_captioner_the_name_is_sent():
    assert unpack(NoteWriter(None, 64).write(picture("cat.png"), 0)[0]) == Note("", "cat.png")


def test_what_was_cut_is_an_event():
    data, events = NoteWriter(Says("word " * 100), 64).write(picture("cat.png"), 0)
    assert len(data) <= 64 and events == {"identity_cut": 1, "caption_cut": 1}
