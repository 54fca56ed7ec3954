"""Typed settings of ``train classifier``."""

from __future__ import annotations

from pydantic import Field

from models.images.labelled import CIFAR_CLASSES
from models.training.config import RunBounds


class ClassifierTraining(RunBounds):
    """images: labelled sources, each PATH or PATH=WEIGHT. names: of the classes; widths, blocks, shortcuts: of the
    network (models/classifier/network.py). shift_px: how far pictures are moved at random; smoothing: of the labels.
    """

    name: str = Field(default="classifier-32", pattern=r"^[A-Za-z0-9._-]+$")
    names: list[str] = Field(default=list(CIFAR_CLASSES), min_length=2)
    widths: list[int] = Field(default=[32, 64, 128], min_length=1)
    blocks: list[int] = Field(default=[0, 1, 1], min_length=1)
    shortcuts: bool = True
    minutes: float = Field(default=15.0, gt=0)
    batch: int = Field(default=128, ge=2)
    learning_rate: float = Field(default=4e-3, gt=0)
    weight_decay: float = Field(default=0.05, ge=0)
    shift_px: int = Field(default=4, ge=0)
    smoothing: float = Field(default=0.1, ge=0, lt=1)
