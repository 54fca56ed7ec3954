"""Training the diffusion prior: predict the noise of diffused crops, over the steps that refinement uses."""

from __future__ import annotations

import numpy as np
import torch
from accelerate import Accelerator
from rich.console import Console
from torch import nn

from models.refiner.network import (
    ARCHITECTURE_NAME,
    SCHEDULER_ARGUMENTS,
    build_prior,
    build_scheduler,
    small_prior_arguments,
)
from models.training.config import RefinerTraining
from models.training.running.checkpoint import Progress
from models.training.running.dataset import CropPool
from models.training.running.descent import channels_last_, descend
from models.training.running.runner import refuse_overwrite, run_updates


def train_refiner(
    settings: RefinerTraining, resume: bool = False, console: Console | None = None
) -> tuple[nn.Module, Progress]:
    """Train until the minutes or steps are spent; the logged figure is the mean squared error of the noise.

    Only steps up to ``highest_timestep`` are learnt: refinement starts from a low step, and a small network
    does better when it need not know how to paint from pure noise. Errors and resume as ``train_codec``.
    """
    refuse_overwrite(settings.out, resume)
    torch.manual_seed(settings.seed)
    accelerator = Accelerator(mixed_precision=settings.mixed_precision)
    prior = build_prior(ARCHITECTURE_NAME, small_prior_arguments(settings.channels, settings.crop_px))
    channels_last_(prior)
    scheduler = build_scheduler(SCHEDULER_ARGUMENTS)
    optimizer = torch.optim.AdamW(prior.parameters(), settings.learning_rate, betas=(0.9, 0.99), weight_decay=1e-4)
    pool = CropPool(settings.images, settings.crop_px)
    network, optimizer = accelerator.prepare(prior, optimizer)

    def update(progress: Progress) -> float:
        rng = np.random.default_rng([settings.seed, progress.step])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        crops = pool.draw(rng, settings.batch, settings.crop_px)
        images = torch.from_numpy(crops).permute(0, 3, 1, 2).float().div(127.5).sub(1)
        noise = torch.randn(images.shape, generator=generator)
        # Squaring a uniform draw favours the low, hard steps from which refinement starts.
        draw = torch.rand(settings.batch, generator=generator).square()
        timesteps = 1 + (draw * settings.highest_timestep).long()
        noisy = scheduler.add_noise(images, noise, timesteps).contiguous(memory_format=torch.channels_last)
        predicted = network(noisy.to(accelerator.device), timesteps.to(accelerator.device)).sample
        loss = (predicted.float() - noise.to(accelerator.device)).square().mean()
        descend(accelerator, network, optimizer, loss, settings.gradient_norm)
        progress.images_seen += settings.batch
        return float(loss.detach())

    progress = run_updates(settings, prior, optimizer, update, resume, console)
    return prior, progress
