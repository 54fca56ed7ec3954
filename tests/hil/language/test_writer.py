"""What a transmitter writes into protected bits: words of a captioner that may be foreign, of pictures alone."""

import numpy as np
import pytest

from hil.language.note import Note, unpack
from hil.language.writer import NoteWriter
from models.modality.base import Item
from tests.hil.language.pictures import picture


class Says:
    """A captioner that says one thing, or raises it."""

    def __init__(self, said):
        self.said, self.asked = said, []

    def describe(self, it, index):
        self.asked.append(index)
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


@pytest.mark.parametrize(
    ("said", "caption", "events"),
    [
        ("a cat", "a cat", {}),
        (Note("a cat", "", {"lens": "50 mm"}), "a cat", {}),
        ("", "", {"caption_missing": 1}),
        (ValueError("no words"), "", {"caption_failed": 1}),
        (7, "", {"caption_failed": 1}),
    ],
)
def test_a_captioner_that_fails_costs_its_caption_alone(said, caption, events):
    data, told = NoteWriter(Says(said), 64).write(picture("cat.png"), 3)
    note = unpack(data)
    assert (note.caption, note.identity, told) == (caption, "cat.png", events) and len(data) <= 64


def test_what_is_no_picture_has_its_name_and_nobody_is_asked_for_words():
    captioner = Says("a cat")
    data, events = NoteWriter(captioner, 64).write(Item("bells.wav", np.zeros(4, np.float32), 4, 1), 0)
    assert (unpack(data), events, captioner.asked) == (Note("", "bells.wav"), {}, [])
