"""Typed settings of ``train text-refiner``."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from models.images.labelled import CIFAR_CLASSES
from models.training.config import AdaptiveChannel, RunBounds


class TextRefinerTraining(RunBounds):
    """images: labelled sources (models/images/labelled.py). codec: folder of an adaptive codec, whose output through
    ``channel`` is refined. classifier: folder of a classifier that the loss asks; another one must judge.

    loss = log(MSE + mse_floor) + perceptual * log(st-lpips + distance_floor) + class_weight * (cross entropy of the
    classifier with the true class, of pictures that come with a text) + feature * (its features' distance to the
    original's). perceptual_share: of a batch that st-lpips is computed of. text: False makes the plain network of the
    same cost. text_dropped: chance that a picture comes without text. average_decay: of the moving average of the
    weights, which is what is exported. strength, guidance, caption_weight: how it then shows what it made
    (models/refiner/text_refine.py).
    """

    name: str = Field(default="text-refiner-32", pattern=r"^[A-Za-z0-9._-]+$")
    codec: Path
    classifier: Path | None = None
    names: list[str] = Field(default=list(CIFAR_CLASSES), min_length=2)
    widths: list[int] = Field(default=[64, 96], min_length=2, max_length=2)
    blocks: list[int] = Field(default=[2, 3, 2], min_length=3, max_length=3)
    code_size: int = Field(default=96, ge=1)
    text: bool = True
    text_dropped: float = Field(default=0.25, ge=0, le=1)
    minutes: float = Field(default=40.0, gt=0)
    batch: int = Field(default=32, ge=2)
    learning_rate: float = Field(default=2e-3, gt=0)
    mse_floor: float = Field(default=1e-4, gt=0)
    perceptual: float = Field(default=1.0, ge=0)
    distance_floor: float = Field(default=5e-3, gt=0)
    perceptual_share: float = Field(default=0.5, gt=0, le=1)
    class_weight: float = Field(default=3.0, ge=0)
    feature: float = Field(default=0.0, ge=0)
    strength: float = Field(default=0.8, gt=0, le=1)
    guidance: float = Field(default=1.0, ge=0)
    caption_weight: float = Field(default=0.5, ge=0)
    average_decay: float = Field(default=0.98, gt=0, lt=1)
    channel: AdaptiveChannel = Field(
        default_factory=lambda: AdaptiveChannel(sinr_db=(-2.0, 20.0), counts=[16], any_count=0.1)
    )
