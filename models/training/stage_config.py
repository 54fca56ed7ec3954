"""Typed settings of the runs that build on another: teacher and student, baselines, the one-step refiner."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from models.training.config import CodecTraining, RunBounds


class TeacherTraining(CodecTraining):
    """Settings of ``train teacher``: one decoder for all users, orthogonal channel uses."""

    name: str = Field(default="teacher", pattern=r"^[A-Za-z0-9._-]+$")
    loss: Literal["mse", "log-mse", "l1"] = "l1"


class StudentTraining(CodecTraining):
    """Settings of ``train student``: the superposed codec, taught by the run folder ``teacher``.

    Its users, architecture and arguments are the teacher's. loss = reconstruction * L_rec + feature_affinity * L_FA +
    cross_head * L_CrossKD + relational * L_relations (models/training/codec/distillation.py); a weight of 0 switches a
    loss off. loss: what L_rec is: the mean absolute error (the paper's), the MSE or log(MSE + 1e-3). cross_head_layer:
    decoder layer after which the teacher takes over. from_teacher: start from its weights, where no initial_codec is
    given. parted: start with every user loudest on symbols of its own, as fresh compact networks do
    (models/codecs/compact.py); the teacher, whom nobody disturbs, has filled them all.
    """

    name: str = Field(default="student", pattern=r"^[A-Za-z0-9._-]+$")
    teacher: Path
    loss: Literal["mse", "log-mse", "l1"] = "l1"
    from_teacher: bool = True
    parted: bool = False
    reconstruction: float = Field(default=10.0, ge=0)
    feature_affinity: float = Field(default=1.0, ge=0)
    cross_head: float = Field(default=1.0, ge=0)
    cross_head_layer: int = Field(default=3, ge=1)
    relational: float = Field(default=0.0, ge=0)


BASELINES: dict[str, dict[str, int | float | str | list[int]]] = {
    "joint-decoder": {"decoders": "joint"},
    "no-distillation": {},
    "orthogonal": {"sharing": "time"},
}


class BaselineTraining(CodecTraining):
    """Settings of ``train baseline NAME``: what the student is compared with, through the same channel uses.

    joint-decoder: superposed DeepJSCC with one decoder that gives all users' pictures (Yilmaz et al. 2023).
    no-distillation: the student's networks and its L_rec alone, from fresh weights. orthogonal: users take turns, each
    on its share of the symbols at full power, so that the total of channel uses is the same.
    """

    baseline: Literal["joint-decoder", "no-distillation", "orthogonal"]
    name: str = Field(default="baseline", pattern=r"^[A-Za-z0-9._-]+$")
    loss: Literal["mse", "log-mse", "l1"] = "l1"

    @model_validator(mode="after")
    def _as_baseline(self) -> BaselineTraining:
        self.arguments = {"decoders": "per-user", "sharing": "superposed", **BASELINES[self.baseline]} | {
            key: value for key, value in self.arguments.items() if key not in ("decoders", "sharing")
        }
        return self


class OneStepTraining(RunBounds):
    """Settings of ``train one-step``: the refiner of folder ``refiner``, distilled into a single pass.

    It learns on ``pairs`` crops that the codec of folder ``codec`` decoded over random phases at SNRs drawn from
    ``snr_db``. batch: crops an update, all of one SNR.
    """

    name: str = Field(default="one-step-32", pattern=r"^[A-Za-z0-9._-]+$")
    refiner: Path
    codec: Path
    minutes: float = Field(default=10.0, gt=0)
    crop_px: int = Field(default=32, ge=16)
    batch: int = Field(default=16, ge=1)
    learning_rate: float = Field(default=3e-4, gt=0)
    pairs: int = Field(default=12_800, ge=1)
    snr_db: tuple[float, float] = (0.0, 20.0)


class ConditionalGanTraining(RunBounds):
    """Settings of ``train baseline conditional-gan``: a refiner trained against a critic of patches.

    It learns on pictures that the codec of folder ``codec`` decodes over random phases at SNRs drawn from ``snr_db``.
    loss of the generator = reconstruction * L1 + adversarial * L_WGAN + feature * L_features; gradient_penalty: weight
    of the critic's (models/training/refiner/adversarial.py). channels: widths per resolution of the generator;
    critic_channels: of the critic. batch: crops an update.
    """

    baseline: Literal["conditional-gan"] = "conditional-gan"
    name: str = Field(default="conditional-gan-32", pattern=r"^[A-Za-z0-9._-]+$")
    codec: Path
    minutes: float = Field(default=10.0, gt=0)
    crop_px: int = Field(default=32, ge=16)
    batch: int = Field(default=16, ge=1)
    channels: list[int] = Field(default=[24, 40, 56], min_length=2)
    critic_channels: list[int] = Field(default=[32, 64, 96], min_length=1)
    learning_rate: float = Field(default=3e-4, gt=0)
    reconstruction: float = Field(default=20.0, ge=0)
    adversarial: float = Field(default=0.02, ge=0)
    feature: float = Field(default=1.0, ge=0)
    gradient_penalty: float = Field(default=10.0, ge=0)
    snr_db: tuple[float, float] = (0.0, 20.0)
