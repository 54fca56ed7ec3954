"""Typed settings of ``train task``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from models.training.config import AdaptiveChannel, RunBounds


class TaskTraining(RunBounds):
    """images: .npz files with ``images`` and ``labels``, all pictures of one size. codec: an adaptive codec's folder,
    whose encoder stays as it is and whose decoder the network starts from; classifier: a classifier's folder, which it
    starts from too and which names the classes; initial_task: a task's folder of the same two, to start from in their
    place. parts: "all", or "classifier" for the rival: a classifier of decoded
    pictures, the decoder being left as it is. batch: pictures an update. shift_px: pictures are moved by up to so much
    before they are encoded, and mirrored. smoothing: of labels. average_decay: of the moving average of the weights,
    which is what is exported.
    """

    name: str = Field(default="classes-cifar10", pattern=r"^[A-Za-z0-9._-]+$")
    codec: Path
    classifier: Path
    initial_task: Path | None = None
    parts: Literal["all", "classifier"] = "all"
    batch: int = Field(default=64, ge=2)
    shift_px: int = Field(default=4, ge=0)
    smoothing: float = Field(default=0.05, ge=0, lt=1)
    learning_rate: float = Field(default=3e-4, gt=0)
    weight_decay: float = Field(default=0.02, ge=0)
    average_decay: float = Field(default=0.99, gt=0, lt=1)
    channel: AdaptiveChannel = Field(
        default_factory=lambda: AdaptiveChannel(sinr_db=(-5.0, 15.0), counts=[16], any_count=0.15)
    )
