"""Typed settings of a training run, checked before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.codecs.channel import ChannelMode


class ChannelMix(BaseModel):
    """How often each channel is drawn, and how imperfect what both ends know of it is.

    alone: chance that one user of the frame is silent. unknown_csi: chance that the encoder has no report
    yet and assumes the default side information. snr_error_db: spread of the encoder's SNR report (it is a
    frame old). estimation_error: largest variance of the receiver's channel estimate, as a multiple of the
    noise power.
    """

    model_config = ConfigDict(extra="forbid")
    awgn: float = Field(default=0.05, ge=0)
    random_phase: float = Field(default=0.55, ge=0)
    rayleigh: float = Field(default=0.2, ge=0)
    selective: float = Field(default=0.2, ge=0)
    alone: float = Field(default=0.03, ge=0, le=1)
    unknown_csi: float = Field(default=0.15, ge=0, le=1)
    snr_error_db: float = Field(default=0.7, ge=0)
    estimation_error: float = Field(default=0.2, ge=0)
    snr_db: tuple[float, float] = (0.0, 20.0)

    def shares(self) -> dict[ChannelMode, float]:
        """How often each channel mode is drawn, in the order in which they always were."""
        return {
            "awgn": self.awgn,
            "random-phase": self.random_phase,
            "rayleigh": self.rayleigh,
            "selective": self.selective,
        }


class RunBounds(BaseModel):
    """What every run has: where it writes, when it ends, and how fast it learns.

    constant_share: of the run, after the rise, at the full learning rate before half a cosine takes it to zero; 1 never
    lets it fall, for a run that is to go on.
    steps wins over minutes when given, and only then is a resumed run the same as an uninterrupted one.
    go_minutes: this process ends after so many minutes and leaves the run where it is: several goes make one run.
    patience: end a codec's run after so many validations without a gain and keep the best weights (early stopping);
    None trains to the end. validate_steps: updates between validations.
    images: sources to train on, each PATH or PATH=WEIGHT; validation: sources to measure on, never trained
    on.
    """

    model_config = ConfigDict(extra="forbid")
    images: list[str] = Field(min_length=1)
    validation: list[str] = Field(default_factory=list)
    out: Path
    minutes: float = Field(default=40.0, gt=0)
    steps: int | None = Field(default=None, ge=1)
    go_minutes: float | None = Field(default=None, gt=0)
    seed: int = Field(default=1, ge=0)
    learning_rate: float = Field(default=1.5e-3, gt=0)
    warmup_share: float = Field(default=0.03, ge=0, lt=1)
    constant_share: float = Field(default=0.0, ge=0, le=1)
    gradient_norm: float = Field(default=1.0, gt=0)
    mixed_precision: Literal["no", "bf16"] = "bf16"
    checkpoint_s: float = Field(default=120.0, gt=0)
    patience: int | None = Field(default=None, ge=1)
    validate_steps: int = Field(default=1000, ge=1)
    licence: str = "Apache-2.0"


class CodecTraining(RunBounds):
    """Settings of ``train codec``. batch_pixels: pixels per user and update; crops_px: crop sides, drawn
    evenly. loss: mean squared error, mean of log(MSE + 1e-3), or the sum over users of the mean absolute error.
    initial_codec: a codec folder or training run to start from instead of fresh weights; it may have fewer users
    (models/training/codec/warm_start.py).
    """

    name: str = Field(default="compact-2u", pattern=r"^[A-Za-z0-9._-]+$")
    users: int = Field(default=2, ge=1, le=8)
    architecture: Literal["compact", "convnext"] = "compact"
    arguments: dict[str, int | float | str | list[int]] = Field(default_factory=dict)
    batch_pixels: int = Field(default=20 * 32 * 32, ge=1024)
    crops_px: list[int] = Field(default=[32, 32, 32, 64], min_length=1)
    weight_decay: float = Field(default=1e-3, ge=0)
    loss: Literal["mse", "log-mse", "l1"] = "log-mse"
    channel: ChannelMix = Field(default_factory=ChannelMix)
    initial_codec: Path | None = None


class AdaptiveChannel(BaseModel):
    """What an adaptive codec is trained through. sinr_db: range of the SINR after separation, drawn evenly. counts: how
    many complex channels are sent, drawn evenly; any_count: chance of any number instead. selective: chance that the
    SINR differs over the symbols, as over the carriers of a fading channel. erased: chance that symbols are lost, up to
    erased_share of them. unknown_csi, encoder_error_db, decoder_error_db: what both ends know, as in ChannelMix.
    unequal: chance that the blocks of a picture get symbols by what error is foreseen of each; allocation_error:
    standard deviation of the noise on the natural logarithm of those errors, so that other allocations are met too.
    """

    model_config = ConfigDict(extra="forbid")
    sinr_db: tuple[float, float] = (-4.0, 24.0)
    counts: list[int] = Field(default=[16, 16, 16, 32, 32, 8], min_length=1)
    any_count: float = Field(default=0.25, ge=0, le=1)
    selective: float = Field(default=0.3, ge=0, le=1)
    erased: float = Field(default=0.1, ge=0, le=1)
    erased_share: float = Field(default=0.2, ge=0, lt=1)
    unknown_csi: float = Field(default=0.1, ge=0, le=1)
    encoder_error_db: float = Field(default=0.7, ge=0)
    decoder_error_db: float = Field(default=0.3, ge=0)
    unequal: float = Field(default=0.7, ge=0, le=1)
    allocation_error: float = Field(default=0.3, ge=0)


class AdaptiveTraining(RunBounds):
    """Settings of ``train adaptive``. batch_pixels: pixels an update; crops_px: crop sides, drawn evenly; a source of
    smaller pictures gives its own size. mse_floor: the loss is the mean of log(MSE + mse_floor), which follows mean
    PSNR up to its floor. average_decay: of the moving average of the weights, which is what is exported. teacher:
    folder of an adaptive codec that teaches one half, ``taught``; the other half and the foresight are the teacher's
    and stay as they are (models/training/adaptive/taught.py). distil: weight of the regression on the teacher.
    """

    name: str = Field(default="real-time", pattern=r"^[A-Za-z0-9._-]+$")
    arguments: dict[str, int | float | str | list[int]] = Field(default_factory=dict)
    batch_pixels: int = Field(default=16 * 96 * 96, ge=1024)
    crops_px: list[int] = Field(default=[64, 96, 96, 128], min_length=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    mse_floor: float = Field(default=5e-5, gt=0)
    average_decay: float = Field(default=0.999, gt=0, lt=1)
    teacher: Path | None = None
    taught: Literal["encoder", "decoder"] = "encoder"
    distil: float = Field(default=10.0, ge=0)
    channel: AdaptiveChannel = Field(default_factory=AdaptiveChannel)


class RefinerTraining(RunBounds):
    """Settings of ``train refiner``: a diffusion prior on small crops, which refines any size.

    channels: widths per resolution; highest_timestep: the noisiest step that an unconditional prior learns (refinement
    starts from a low one). codec: the codec folder whose output is refined when measuring. conditioned: the network
    also sees what the codec decoded (models/refiner/conditioned.py) and learns from ``pairs`` crops that it decoded
    over random phases at SNRs drawn from ``snr_db``.
    """

    name: str = Field(default="refiner-32", pattern=r"^[A-Za-z0-9._-]+$")
    codec: Path | None = None
    minutes: float = Field(default=13.0, gt=0)
    crop_px: int = Field(default=32, ge=16)
    batch: int = Field(default=32, ge=1)
    channels: list[int] = Field(default=[24, 40, 56], min_length=2)
    highest_timestep: int = Field(default=300, ge=1, le=999)
    conditioned: bool = False
    pairs: int = Field(default=12_800, ge=1)
    snr_db: tuple[float, float] = (0.0, 20.0)
    learning_rate: float = Field(default=1.5e-3, gt=0)
