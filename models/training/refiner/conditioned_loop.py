"""Training the conditioned refiner: estimate the original from the decoded picture and a noisy one."""

from __future__ import annotations

import numpy as np
import torch
from accelerate import Accelerator
from rich.console import Console
from torch import nn

from models.errors import ModelError
from models.refiner.conditioned import INPUT_CHANNELS, denoise, drawn_ratios
from models.refiner.network import ARCHITECTURE_NAME, build_prior, small_prior_arguments
from models.refiner.start_step import error_rms
from models.training.config import RefinerTraining
from models.training.refiner.decoded_pairs import DecodedPairs
from models.training.running.checkpoint import Progress
from models.training.running.descent import channels_last_, descend
from models.training.running.runner import refuse_overwrite, run_updates


def conditioned_network(settings: RefinerTraining) -> nn.Module:
    """A network of zeros at its output: the best linear estimate, from which training starts."""
    arguments = small_prior_arguments(settings.channels, settings.crop_px, INPUT_CHANNELS)
    network = build_prior(ARCHITECTURE_NAME, arguments)
    for parameter in network.get_submodule("conv_out").parameters():
        nn.init.zeros_(parameter)
    channels_last_(network)
    return network


def train_conditioned(
    settings: RefinerTraining, resume: bool = False, console: Console | None = None
) -> tuple[nn.Module, Progress]:
    """Train until the minutes or steps are spent; the logged figure is the loss, the squared error of F (1 for a
    network that knows nothing of the pictures but their error's size). Errors and resume as ``train_codec``.
    """
    refuse_overwrite(settings.out, resume)
    if settings.codec is None:
        raise ModelError("a conditioned refiner learns from what a codec decodes: name it with --codec.")
    torch.manual_seed(settings.seed)
    accelerator = Accelerator(mixed_precision=settings.mixed_precision)
    network = conditioned_network(settings)
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, betas=(0.9, 0.99), weight_decay=1e-4)
    pairs = DecodedPairs(
        settings.images, settings.codec, settings.pairs, settings.crop_px, settings.snr_db, settings.seed
    )
    prepared, optimizer = accelerator.prepare(network, optimizer)

    def update(progress: Progress) -> float:
        rng = np.random.default_rng([settings.seed, progress.step])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        original, decoded, snr_db = pairs.draw(rng, settings.batch)
        errors = error_rms(snr_db)
        ratio = drawn_ratios(settings.batch, generator)
        sigma = (ratio * errors).view(-1, 1, 1, 1)
        noisy = original + sigma * torch.randn(original.shape, generator=generator)
        on_device = [part.to(accelerator.device) for part in (noisy, decoded, ratio, errors)]
        estimate = denoise(prepared, *on_device).cpu()
        # Divided by what multiplies the network's output, every level of noise counts the same.
        weight = sigma / (1 + ratio.view(-1, 1, 1, 1).square()).sqrt()
        loss = ((estimate - original) / weight).square().mean()
        descend(accelerator, prepared, optimizer, loss, settings.gradient_norm)
        progress.images_seen += settings.batch
        return float(loss.detach())

    progress = run_updates(settings, network, optimizer, update, resume, console)
    return network, progress
