"""Typed settings of ``train refiner-lora``."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from models.training.config import AdaptiveChannel, RunBounds


class RefinerLoraTraining(RunBounds):
    """images: the user's pictures, with no labels. refiner: folder of a refiner that reads texts, which is fine-tuned;
    codec: folder of the adaptive codec whose output through ``channel`` is refined. captions: of the pictures in their
    order, the sources one after the other; none: it learns without text.

    rank: of the low-rank matrices beside every convolution and FiLM layer; alpha: they count alpha / rank.
    loss = log(MSE + mse_floor) + perceptual * log(st-lpips + distance_floor).
    """

    name: str = Field(default="refiner-lora", pattern=r"^[A-Za-z0-9._-]+$")
    refiner: Path
    codec: Path
    captions: list[str] = Field(default_factory=list)
    text_dropped: float = Field(default=0.25, ge=0, le=1)
    rank: int = Field(default=4, ge=1, le=256)
    alpha: int = Field(default=8, ge=1)
    crop_px: int = Field(default=64, ge=32, multiple_of=8)
    minutes: float = Field(default=10.0, gt=0)
    batch: int = Field(default=16, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    mse_floor: float = Field(default=1e-4, gt=0)
    perceptual: float = Field(default=1.0, ge=0)
    distance_floor: float = Field(default=5e-3, gt=0)
    channel: AdaptiveChannel = Field(
        default_factory=lambda: AdaptiveChannel(sinr_db=(-2.0, 20.0), counts=[16], any_count=0.1)
    )
