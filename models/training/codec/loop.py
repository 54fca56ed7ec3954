"""The codec's training loop: whole frames of superposed users, end to end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from rich.console import Console
from torch import Tensor, nn

from models.codecs.base import CodecNetwork
from models.codecs.registry import build_codec
from models.errors import ModelError
from models.training.codec.frames import SIDE_FIELDS, draw_frame
from models.training.codec.judge import validation_judge
from models.training.codec.transmission import pass_frame, symbol_count
from models.training.codec.warm_start import warm_start
from models.training.config import CodecTraining
from models.training.running.checkpoint import Progress
from models.training.running.dataset import CropPool
from models.training.running.descent import channels_last_, descend
from models.training.running.runner import refuse_overwrite, run_updates

LOG_MSE_FLOOR = 1e-3


class Outcome(NamedTuple):
    """loss: what is minimised, a scalar; errors: mean squared error of every image, float [users, B], NaN where a
    user was silent.
    """

    loss: Tensor
    errors: Tensor


class CodecStep(nn.Module):
    """One forward pass through encoder, channel and decoders; a module so that accelerate can wrap it."""

    def __init__(self, codec: CodecNetwork, orthogonal: bool = False) -> None:
        super().__init__()
        self.codec = codec
        self._orthogonal = orthogonal

    def forward(self, images: Tensor, settings: CodecTraining, generator: torch.Generator) -> Outcome:
        """images: float [users, B, 3, H, W] in [0,1]."""
        users, batch, _, height, width = images.shape
        count = symbol_count(self.codec, height, width)
        frame = draw_frame(settings.channel, batch, users, count, generator)
        received = pass_frame(self.codec, images, frame, generator, self._orthogonal)
        decoded = [self.codec.decoders[u](received.views[u], received.sides[u]) for u in range(users)]
        difference = torch.stack(decoded).float() - images
        sent = frame.active.T.to(images.device)
        errors = torch.where(sent, difference.square().mean(dim=(2, 3, 4)), torch.nan)
        if settings.loss == "l1":
            return Outcome(sum_over_users(difference.abs().mean(dim=(2, 3, 4)), sent), errors.detach())
        return Outcome(objective(errors, settings.loss), errors.detach())


def sum_over_users(values: Tensor, sent: Tensor) -> Tensor:
    """Sum over users of the mean over the images that were sent: float [users, B], bool [users, B] -> scalar."""
    return torch.where(sent, values, 0).sum() / sent.sum().clamp_min(1) * len(values)


def objective(errors: Tensor, kind: str) -> Tensor:
    """Mean over the images that were sent: of the MSE, or of log(MSE + 1e-3)."""
    return of_each(errors[~errors.isnan()], kind).mean()


def of_each(errors: Tensor, kind: str) -> Tensor:
    """The MSE of every image as it is ("mse"), or log(MSE + 1e-3) ("log-mse"), which follows the mean PSNR and lets no
    frame at low SNR outvote the rest.
    """
    return errors if kind == "mse" else (errors + LOG_MSE_FLOOR).log()


def train_codec(
    settings: CodecTraining, resume: bool = False, console: Console | None = None
) -> tuple[CodecNetwork, Progress]:
    """Train until the minutes or steps are spent; checkpoints go to ``settings.out``.

    With ``resume`` an existing checkpoint there is continued: bounded by steps, the result is the same as
    that of an uninterrupted run. Raises ModelError when there is a checkpoint and ``resume`` is false.
    """
    return train_step(settings, starting_codec, CodecStep, resume, console)


def starting_codec(settings: CodecTraining) -> CodecNetwork:
    """``fresh_codec``, with the weights of ``initial_codec`` where one is named."""
    codec = fresh_codec(settings)
    if settings.initial_codec is not None:
        warm_start(codec, settings.initial_codec)
    return codec


def fresh_codec(settings: CodecTraining) -> CodecNetwork:
    """The network of ``settings`` with fresh weights."""
    arguments = {"users": settings.users, "side_size": len(SIDE_FIELDS)} | settings.arguments
    return build_codec(settings.architecture, arguments)


def train_step(
    settings: CodecTraining,
    build: Callable[[Any], CodecNetwork],
    step: Callable[[CodecNetwork], nn.Module],
    resume: bool = False,
    console: Console | None = None,
    orthogonal: bool = False,
) -> tuple[CodecNetwork, Progress]:
    """The loop around ``step(codec)``, a module like ``CodecStep``; everything else as ``train_codec``.

    orthogonal: early stopping judges the codec without interference.
    """
    refuse_overwrite(settings.out, resume)
    torch.manual_seed(settings.seed)
    accelerator = Accelerator(mixed_precision=settings.mixed_precision)
    if accelerator.num_processes > 1 and settings.steps is None:
        raise ModelError("several processes that train together need --steps, because their clocks differ.")
    codec = build(settings)
    channels_last_(codec)
    optimizer = torch.optim.AdamW(
        codec.parameters(), settings.learning_rate, betas=(0.9, 0.98), weight_decay=settings.weight_decay
    )
    pool = CropPool(settings.images, min(settings.crops_px))
    network, optimizer = accelerator.prepare(step(codec), optimizer)

    def update(progress: Progress) -> float:
        errors = _one_step(settings, pool, accelerator, network, optimizer, progress)
        return float(-10 * errors[~errors.isnan()].log10().mean())

    judge = validation_judge(settings, codec, orthogonal)
    writes = accelerator.is_main_process
    progress = run_updates(settings, codec, optimizer, update, resume, console, writes, judge)
    return codec, progress


def _one_step(
    settings: CodecTraining,
    pool: CropPool,
    accelerator: Accelerator,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
) -> Tensor:
    """One update; returns the errors [users, B]. All randomness comes from (seed, step, process)."""
    shared = np.random.default_rng([settings.seed, progress.step])
    rng = np.random.default_rng([settings.seed, progress.step, 1 + accelerator.process_index])
    crop_px = int(shared.choice(settings.crops_px))
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    batch = max(1, settings.batch_pixels // crop_px**2 // accelerator.num_processes)
    crops = pool.draw(rng, settings.users * batch, crop_px)
    torch.manual_seed(int(rng.integers(2**62)))  # Dropout and stochastic depth.
    images = torch.from_numpy(crops).permute(0, 3, 1, 2).float().div(255)
    images = images.reshape(settings.users, batch, 3, crop_px, crop_px).to(accelerator.device)
    loss, errors = network(images, settings, generator)
    descend(accelerator, network, optimizer, loss, settings.gradient_norm)
    progress.images_seen += settings.users * batch * accelerator.num_processes
    return torch.as_tensor(errors)
