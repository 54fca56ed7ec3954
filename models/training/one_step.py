"""Distilling the diffusion refiner into one network pass."""

from __future__ import annotations

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor, nn

from models.evaluation.frames import frames_of
from models.evaluation.schemes import LearnedScheme
from models.manifest import load_manifest
from models.refiner import Refiner
from models.refiner.network import build_prior
from models.refiner.refiner import contract_and_denoise, refine_at_once
from models.refiner.start_step import start_timestep
from models.training.checkpoint import Progress
from models.training.dataset import CropPool
from models.training.descent import descend
from models.training.loop import channels_last_
from models.training.runner import refuse_overwrite, run_updates
from models.training.stage_config import OneStepTraining


def train_one_step(
    settings: OneStepTraining, resume: bool = False, console: Console | None = None
) -> tuple[nn.Module, Progress]:
    """Train until the minutes or steps are spent; the logged figure is the mean absolute difference to the refiner.

    Every update draws one SNR, has the codec decode crops at it, has the refiner refine them with fresh noise, and
    moves the single pass towards that. Started from the refiner's weights. Errors and resume as ``train_codec``.
    """
    refuse_overwrite(settings.out, resume)
    torch.manual_seed(settings.seed)
    accelerator = Accelerator(mixed_precision=settings.mixed_precision)
    refiner = Refiner.load(settings.refiner, str(accelerator.device))
    student = student_of(refiner)
    codec = LearnedScheme(str(settings.codec), load_manifest(settings.codec).users, str(accelerator.device))
    optimizer = torch.optim.AdamW(student.parameters(), settings.learning_rate, betas=(0.9, 0.99), weight_decay=1e-4)
    pool = CropPool(settings.images, settings.crop_px)
    network, optimizer = accelerator.prepare(student, optimizer)

    def update(progress: Progress) -> float:
        rng = np.random.default_rng([settings.seed, progress.step])
        snr_db = float(rng.uniform(*settings.snr_db))
        crops = pool.draw(rng, settings.batch, settings.crop_px)
        decoded = decoded_crops(codec, crops, snr_db, int(rng.integers(2**31))).to(accelerator.device)
        start = start_timestep(snr_db, refiner.scheduler.alphas_cumprod.numpy())
        seed = int(rng.integers(2**62))
        target = contract_and_denoise(refiner.network, refiner.scheduler, decoded, start, seed).clone()
        loss = (refine_at_once(network, refiner.scheduler, decoded, max(1, start)).float() - target).abs().mean()
        descend(accelerator, network, optimizer, loss, settings.gradient_norm)
        progress.images_seen += settings.batch
        return float(loss.detach())

    progress = run_updates(settings, student, optimizer, update, resume, console)
    return student, progress


def student_of(refiner: Refiner) -> nn.Module:
    """A network like the refiner's, with its weights, ready to train."""
    student = build_prior(refiner.manifest.architecture, refiner.manifest.arguments)
    student.load_state_dict({name: value.cpu() for name, value in refiner.network.state_dict().items()})
    channels_last_(student)
    return student.train()


def decoded_crops(codec: LearnedScheme, crops: NDArray[np.uint8], snr_db: float, seed: int) -> Tensor:
    """uint8 [n, S, S, 3] -> what the codec decodes at ``snr_db``, float [n, 3, S, S] in [-1, 1]."""
    uses, users = codec.natural_uses(*crops.shape[1:3]), codec.users
    frames = frames_of(crops, "random-phase", users, uses, seed)
    pictures = np.concatenate([codec.send_float(frame, snr_db)[: frame.counted] for frame in frames])
    return torch.from_numpy(pictures) * 2 - 1
