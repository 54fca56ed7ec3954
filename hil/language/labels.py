"""Captions out of the labels of a data set."""

from collections.abc import Sequence

import numpy as np

from hil.errors import UsageError
from hil.language.note import Note
from hil.language.table import described
from models.errors import ModelError
from models.images import Picture
from models.images.labelled import CIFAR_CLASSES, open_labelled
from models.images.source import Split

LABELS, WRONG_LABELS = "labels", "wrong-labels"


class Labels:
    """ "a picture of a cat" of every picture that its data set calls a cat; wrong: of another class instead."""

    def __init__(self, labels: np.ndarray, wrong: bool = False, names: Sequence[str] = CIFAR_CLASSES) -> None:
        """labels: int64 [n], of the pictures in their order. Raises UsageError for a label without a name."""
        if labels.size and (labels.min() < 0 or labels.max() >= len(names)):
            raise UsageError(f"labels go from {labels.min()} to {labels.max()}, but only {len(names)} have names.")
        self._labels, self._wrong, self._names = labels, wrong, names

    @classmethod
    def of(cls, images: str, wrong: bool = False, split: Split = "all") -> "Labels":
        """Of a labelled source of pictures. Raises UsageError for one that has none."""
        try:
            return cls(open_labelled(images, split)[1], wrong)
        except ModelError as error:
            raise UsageError(str(error)) from error

    def describe(self, picture: Picture, index: int) -> Note:
        """An empty note beyond the last label."""
        if index >= len(self._labels):
            return Note()
        label = int(self._labels[index])
        if self._wrong:  # each of the others in turn
            label = (label + 1 + index % (len(self._names) - 1)) % len(self._names)
        return Note(described(self._names[label]), metadata={"label": self._names[label]})
