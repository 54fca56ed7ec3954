"""Distilling the diffusion refiner into one network pass."""

from __future__ import annotations

import numpy as np
import torch
from accelerate import Accelerator
from rich.console import Console
from torch import Tensor, nn

from models.refiner import Refiner
from models.refiner.conditioned import refine_conditioned, refine_conditioned_at_once
from models.refiner.network import build_prior
from models.refiner.refiner import contract_and_denoise, refine_at_once
from models.refiner.start_step import error_rms, start_timestep
from models.training.refiner.decoded_pairs import DecodedPairs
from models.training.running.checkpoint import Progress
from models.training.running.descent import channels_last_, descend
from models.training.running.runner import refuse_overwrite, run_updates
from models.training.stage_config import OneStepTraining


def train_one_step(
    settings: OneStepTraining, resume: bool = False, console: Console | None = None
) -> tuple[nn.Module, Progress]:
    """Train until the minutes or steps are spent; the logged figure is the mean absolute difference to the refiner.

    Every update has the refiner refine pictures that the codec decoded at one SNR, with fresh noise, and moves the
    single pass towards that. Started from the refiner's weights. Errors and resume as ``train_codec``.
    """
    refuse_overwrite(settings.out, resume)
    torch.manual_seed(settings.seed)
    accelerator = Accelerator(mixed_precision=settings.mixed_precision)
    refiner = Refiner.load(settings.refiner, str(accelerator.device))
    student = student_of(refiner)
    optimizer = torch.optim.AdamW(student.parameters(), settings.learning_rate, betas=(0.9, 0.99), weight_decay=1e-4)
    pairs = DecodedPairs(
        settings.images, settings.codec, settings.pairs, settings.crop_px, settings.snr_db, settings.seed
    )
    network, optimizer = accelerator.prepare(student, optimizer)

    def update(progress: Progress) -> float:
        rng = np.random.default_rng([settings.seed, progress.step])
        _, decoded, snr_db = pairs.draw_alike(rng, settings.batch)
        seed = int(rng.integers(2**62))
        made, target = _beside(refiner, network, decoded.to(accelerator.device), snr_db, seed)
        loss = (made.float() - target).abs().mean()
        descend(accelerator, network, optimizer, loss, settings.gradient_norm)
        progress.images_seen += settings.batch
        return float(loss.detach())

    progress = run_updates(settings, student, optimizer, update, resume, console)
    return student, progress


def _beside(refiner: Refiner, network: nn.Module, decoded: Tensor, snr_db: float, seed: int) -> tuple[Tensor, Tensor]:
    """What one pass of ``network`` makes of the pictures, and what the refiner does in all its passes."""
    if refiner.manifest.method == "conditioned-diffusion":
        error = error_rms(snr_db)
        target = refine_conditioned(refiner.network, decoded, error, seed=seed)
        return refine_conditioned_at_once(network, decoded, error, seed), target
    start = start_timestep(snr_db, refiner.scheduler.alphas_cumprod.numpy())
    target = contract_and_denoise(refiner.network, refiner.scheduler, decoded, start, seed).clone()
    return refine_at_once(network, refiner.scheduler, decoded, max(1, start)), target


def student_of(refiner: Refiner) -> nn.Module:
    """A network like the refiner's, with its weights, ready to train."""
    student = build_prior(refiner.manifest.architecture, refiner.manifest.arguments)
    student.load_state_dict({name: value.cpu() for name, value in refiner.network.state_dict().items()})
    channels_last_(student)
    return student.train()
