"""Naming pictures from their symbols beside the way in two stages, decoding them and looking at the result."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.classifier import PictureClassifier
from models.codecs.channel import ChannelMode
from models.errors import ModelError
from models.evaluation.compare import EVALUATION_SEED
from models.evaluation.frames import Frame, frames_of
from models.evaluation.learned import LOST, LearnedScheme
from models.images.labelled import open_labelled
from models.rate.prefix import MapLost
from models.task.symbol_task import SymbolTask

NOT_NAMED = -1  # where the symbols cannot be read: no class
SYMBOLS = "symbols"
_Z95 = 1.959964


@dataclass(frozen=True)
class TaskRow:
    """accuracy: share of pictures that were named rightly; low, high: its 95 % interval (Wilson 1927). way: "symbols",
    "picture: CLASSIFIER", or "original: CLASSIFIER" for pictures as they were before they were sent, without snr_db.
    """

    way: str
    scheme: str
    channel: str
    users: int
    antennas: int
    snr_db: float | None
    images: int
    accuracy: float
    low: float
    high: float
    seed: int


def compare_ways(
    scheme_name: str,
    images: str,
    mode: ChannelMode,
    users: int,
    snrs_db: Sequence[float],
    task: str | Path,
    classifiers: Sequence[str | Path],
    limit: int | None = None,
    seed: int = EVALUATION_SEED,
    antennas: int = 1,
) -> Iterator[TaskRow]:
    """A row for each SNR and way: from the symbols, and from the pictures decoded of them by each classifier.

    scheme_name: a codec and how users share, as of `models.evaluation.learned`; images: labelled pictures. All ways
    have the same symbols, fading and noise. Raises ModelError where something does not fit.
    """
    pictures, labels = open_labelled(images, split="test")
    pictures, labels = pictures[:limit], labels[:limit]
    scheme = LearnedScheme(scheme_name, users)
    reader = SymbolTask.load(task, scheme.decoder)
    judges = [PictureClassifier.load(one) for one in classifiers]
    if labels.max(initial=0) >= len(reader.names) or any(judge.names != reader.names for judge in judges):
        raise ModelError(f"the labels of {images}, the task and the classifiers are not of the same classes.")
    uses = scheme.natural_uses(*pictures.shape[1:3])

    def row(way: str, snr_db: float | None, right: NDArray[np.bool_]) -> TaskRow:
        share, (low, high) = float(np.mean(right)), wilson(int(right.sum()), right.size)
        return TaskRow(way, scheme.name, mode, users, antennas, snr_db, right.size, share, low, high, seed)

    for snr_db in snrs_db:
        named: list[int] = []
        decoded: list[NDArray[np.uint8]] = []
        for frame in frames_of(pictures, mode, users, uses, seed, antennas):
            some, shown = _both(scheme, reader, frame, snr_db, pictures=bool(judges))
            named += some[: frame.counted]
            decoded += shown[: frame.counted]
        yield row(SYMBOLS, snr_db, np.array(named) == labels)
        for judge in judges:
            yield row(f"picture: {judge.manifest.name}", snr_db, judge.classify(np.stack(decoded)) == labels)
    for judge in judges:
        yield row(f"original: {judge.manifest.name}", None, judge.classify(pictures) == labels)


def _both(
    scheme: LearnedScheme, reader: SymbolTask, frame: Frame, snr_db: float, pictures: bool
) -> tuple[list[int], list[NDArray[np.uint8]]]:
    """What each user's symbols are named, and the pictures decoded of them; NOT_NAMED and grey for what is lost."""
    height, width = frame.pictures.shape[1:3]
    heard = scheme.heard(frame, snr_db)
    told = [(view, user, heard.side, height, width, heard.sharing) for user, view in enumerate(heard.views)]
    named = [NOT_NAMED] * len(told)
    shown = [np.full((height, width, 3), round(255 * LOST), np.uint8) for _ in told]
    for user, one in enumerate(told):
        with contextlib.suppress(MapLost):
            named[user] = int(reader.chances(*one).argmax())
            if pictures:
                shown[user] = scheme.decoder.decode(*one)
    return named, shown if pictures else []


def wilson(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share, `right` of `of` (Wilson, J. Am. Stat. Assoc. 22, 1927)."""
    if of == 0:
        return 0.0, 1.0
    share, spread = right / of, _Z95**2 / of
    middle = (share + spread / 2) / (1 + spread)
    half = _Z95 * math.sqrt(share * (1 - share) / of + spread / of / 4) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
