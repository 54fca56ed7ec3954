"""Captions out of a data set's labels, right and wrong, and the classifier's guesses."""

import numpy as np
import pytest

from hil.errors import UsageError
from hil.language.captioner import open_captioner
from hil.language.guesses import Guesses
from hil.language.labels import Labels
from hil.language.note import Note
from models.classifier import PictureClassifier
from tests.hil.language.pictures import picture


@pytest.fixture
def labelled(tmp_path):
    labels = np.arange(40) % 10
    np.savez(tmp_path / "set.npz", images=np.zeros((40, 32, 32, 3), np.uint8), labels=labels)
    return str(tmp_path / "set.npz"), labels


def test_labels_are_captions(labelled):
    images, _ = labelled
    captioner = open_captioner("labels", images)
    assert captioner.describe(picture("a"), 3) == Note("a picture of a cat", metadata={"label": "cat"})
    assert captioner.describe(picture("a"), 10).caption == "a picture of an airplane"
    assert captioner.describe(picture("a"), 40) == Note()


def test_wrong_labels_are_every_other_class_and_never_the_right_one(labelled):
    images, _ = labelled
    right, wrong = open_captioner("labels", images), open_captioner("wrong-labels", images)
    pairs = [(right.describe(picture("a"), n).caption, wrong.describe(picture("a"), n).caption) for n in range(40)]
    assert all(one != other for one, other in pairs) and len({other for _, other in pairs}) > 7


def test_pictures_without_labels_are_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        open_captioner("labels", "demo")
    with pytest.raises(UsageError, match="labels go from 0 to 10, but only 10 have names"):
        Labels(np.array([0, 10]))


def test_the_classifier_says_what_it_is_sure_of(monkeypatch):
    guesses = Guesses()
    for chances, said in (([0.1, 0.9], "a picture of an automobile"), ([0.4, 0.6 - 0.2], "")):
        row = np.zeros((1, 10), np.float32)
        row[0, :2] = chances
        monkeypatch.setattr(PictureClassifier, "chances", lambda _self, _pictures, row=row: row)
        assert guesses.describe(picture("a"), 0) == said
    with pytest.raises(UsageError, match="no installed network"):
        Guesses("nothing-like-it")
