"""How many pictures a classifier still recognises: what refinement with a caption is judged by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.classifier import DEFAULT_CLASSIFIER, PictureClassifier
from models.errors import ModelError

CLASS_ACCURACY = "class-accuracy"
Pairs = Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]]


def class_accuracy(
    labels: NDArray[np.int64], classifier: str = DEFAULT_CLASSIFIER, device: str = "auto"
) -> Callable[[Pairs], float]:
    """A measure like those of ``perceptual``: the share of decoded pictures that are taken for what they are.

    labels: int64 [n], classes of the first n pictures in their order, at least as many as are measured. ModelError when
    the classifier is not as it should be, or a label is none of its classes.
    """
    judge = PictureClassifier.load(classifier, device)
    if labels.size == 0 or labels.min() < 0 or labels.max() >= len(judge.names):
        raise ModelError(f"class accuracy needs labels from 0 to {len(judge.names) - 1}, the classes of {classifier}.")

    def measure(pairs: Pairs) -> float:
        found = np.concatenate([judge.classify(decoded) for _, decoded in pairs])
        if len(found) > len(labels):
            raise ModelError(f"there are {len(labels)} labels, but {len(found)} pictures to judge.")
        return float(np.mean(found == labels[: len(found)]))

    return measure
