"""Training the adaptive codec on crops, through point-to-point channels with a drawn number of symbols."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn

from models.codecs.adaptive import AdaptiveCodec
from models.codecs.registry import build_codec
from models.decoding.decoder import choose_device
from models.training.adaptive.channel import draw_adaptive_frame, pass_channel, shares_of
from models.training.adaptive.taught import Teacher
from models.training.adaptive.unequal import foresight_error, unequal_frame
from models.training.config import AdaptiveTraining
from models.training.running.averaging import averaged_model
from models.training.running.checkpoint import Progress
from models.training.running.dataset import CropPool
from models.training.running.matrix_optimizer import MatrixOptimizer
from models.training.running.runner import refuse_overwrite, run_updates

FORESIGHT_WEIGHT = 0.1  # it shares nothing with the codec, so only the optimiser's clipping sees it
SMALLEST_PX = 32  # of a picture, and of its reductions, that crops are taken from


class AdaptiveRun(nn.Module):
    """codec: what is trained; average: the exponential moving average of its weights, which is what is shipped."""

    def __init__(self, codec: AdaptiveCodec, decay: float) -> None:
        super().__init__()
        self.codec = codec
        self.average = averaged_model(codec, decay)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """A checkpoint that was made small (thin.py) holds the average alone, from which training then goes on."""
        alone = {
            name.removeprefix("average.module."): tensor
            for name, tensor in state_dict.items()
            if "average.module." in name
        }
        started = {f"codec.{name}": tensor for name, tensor in alone.items()}
        return super().load_state_dict(started | dict(state_dict), strict, assign)

    @property
    def averaged(self) -> AdaptiveCodec:
        codec = self.average.module
        assert isinstance(codec, AdaptiveCodec)
        return codec


def fresh_adaptive(settings: AdaptiveTraining) -> AdaptiveRun:
    """Fresh weights, and their average."""
    codec = build_codec("adaptive", settings.arguments)
    assert isinstance(codec, AdaptiveCodec)
    return AdaptiveRun(codec, settings.average_decay)


def train_adaptive(
    settings: AdaptiveTraining, resume: bool = False, console: Console | None = None
) -> tuple[AdaptiveCodec, Progress]:
    """Train until the minutes or steps are spent; returns the averaged codec. Errors and resume as ``train_codec``."""
    refuse_overwrite(settings.out, resume)
    torch.manual_seed(settings.seed)
    device = choose_device("auto")
    run = fresh_adaptive(settings)
    teacher = None if settings.teacher is None else Teacher(settings.teacher, settings.taught, device)
    if teacher is not None:
        teacher.lend(run.codec)
        teacher.lend(run.averaged)
    run = run.to(device)
    optimizer = MatrixOptimizer(run.codec, settings.learning_rate)
    pools = [CropPool([source], SMALLEST_PX) for source in settings.images]
    update = _updating(settings, run, optimizer, pools, device, teacher)
    progress = run_updates(settings, run, optimizer, update, resume, console)
    return run.averaged, progress


def _updating(
    settings: AdaptiveTraining,
    run: AdaptiveRun,
    optimizer: MatrixOptimizer,
    pools: list[CropPool],
    device: torch.device,
    teacher: Teacher | None = None,
) -> Callable[[Progress], float]:
    shares = np.array([pool.weight for pool in pools])
    shares = shares / shares.sum()

    def update(progress: Progress) -> float:
        """All randomness comes from (seed, step). A batch is of one source, since sources have sizes of their own."""
        rng = np.random.default_rng([settings.seed, progress.step])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        pool = pools[int(rng.choice(len(pools), p=shares))]
        side_px = pool.fitting(int(rng.choice(settings.crops_px)))
        batch = max(1, settings.batch_pixels // side_px**2)
        crops = torch.from_numpy(pool.draw(rng, batch, side_px)).permute(0, 3, 1, 2)
        images = crops.float().div(255).to(device).contiguous(memory_format=torch.channels_last)
        errors, foresight, lesson = squared_errors(run.codec, images, settings, generator, teacher)
        optimizer.zero_grad()
        loss = (errors + settings.mse_floor).log().mean() + FORESIGHT_WEIGHT * foresight
        (loss + settings.distil * lesson).backward()
        nn.utils.clip_grad_norm_(run.codec.parameters(), settings.gradient_norm)
        optimizer.step()
        run.average.update_parameters(run.codec)
        progress.images_seen += batch
        return float(-10 * errors.detach().log10().mean())

    return update


def squared_errors(
    codec: AdaptiveCodec,
    images: Tensor,
    settings: AdaptiveTraining,
    generator: torch.Generator,
    teacher: Teacher | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean squared error of every image float [B, 3, H, W] after a drawn channel, float [B], how far off the codec's
    foresight was (`foresight_error`), and how far the taught half is from the teacher's, 0 without one.
    """
    stride, all_channels = codec.arguments.stride, codec.arguments.latent_channels // 2
    shape = (len(images), images.shape[2] // stride, images.shape[3] // stride)
    frame = draw_adaptive_frame(settings.channel, codec.arguments, shape, generator)
    device, mixed = images.device, settings.mixed_precision == "bf16"
    with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
        frame, foreseen = unequal_frame(settings.channel, codec, images, frame, generator)
        latent = codec.encoder(images, None, frame.encoder_side.to(device), shares_of(frame, all_channels).to(device))
    seen = pass_channel(latent, frame, all_channels, generator)
    with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
        decoded = codec.decoder(seen, frame.decoder_side.to(device))
        lesson = images.new_zeros(()) if teacher is None else teacher.lesson(images, latent, seen, decoded, frame)
    squared = (decoded.float() - images).square().mean(dim=1)
    by_position = nn.functional.avg_pool2d(squared.detach()[:, None], stride)[:, 0]
    return squared.mean(dim=(1, 2)), foresight_error(codec, foreseen, frame, by_position), lesson
