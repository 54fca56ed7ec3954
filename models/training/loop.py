"""The codec's training loop: whole frames of superposed users, end to end."""

from __future__ import annotations

import numpy as np
import torch
from accelerate import Accelerator
from rich.console import Console
from torch import Tensor, nn

from models.base import CodecNetwork
from models.channel import transmit
from models.codec import build_codec, latent_to_symbols, symbols_to_latent
from models.errors import ModelError
from models.training.checkpoint import Progress
from models.training.config import CodecTraining
from models.training.dataset import CropPool
from models.training.frames import SIDE_FIELDS, draw_frame, side_vectors, symbols_per_image
from models.training.runner import refuse_overwrite, run_updates

LOG_MSE_FLOOR = 1e-3


class CodecStep(nn.Module):
    """One forward pass through encoder, channel and decoders; a module so that accelerate can wrap it."""

    def __init__(self, codec: CodecNetwork) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, images: Tensor, settings: CodecTraining, generator: torch.Generator) -> Tensor:
        """images: float [users, B, 3, H, W] in [0,1] -> mean squared error of every image, float [users, B];
        NaN where a user was silent."""
        users, batch, _, height, width = images.shape
        latent_channels, stride = self.codec.arguments.latent_channels, self.codec.arguments.stride
        count = symbols_per_image(latent_channels, height, width, stride)
        frame = draw_frame(settings.channel, batch, users, count, generator)
        device = images.device
        user = torch.arange(users, device=device).repeat_interleave(batch)
        side = frame.encoder_side.transpose(0, 1).flatten(0, 1).to(device)
        latent = self.codec.encoder(_fast_layout(images.flatten(0, 1)), user, side)
        symbols = latent_to_symbols(latent).reshape(users, batch, count).transpose(0, 1)
        # The channel is applied on the CPU, so that a seed means the same everywhere.
        received = transmit(symbols.cpu(), frame.channel, frame.snr_db, frame.estimation_error_power, generator)
        known = side_vectors(frame.snr_db, received.gains).to(device)
        features = received.features.to(device)
        errors = []
        for index, decoder in enumerate(self.codec.decoders):
            view = symbols_to_latent(features[:, index], height // stride, width // stride)
            decoded = decoder(_fast_layout(view), known[:, index])
            errors.append((decoded.float() - images[index]).square().mean(dim=(1, 2, 3)))
        return torch.where(frame.active.T.to(device), torch.stack(errors), torch.nan)


def channels_last_(network: nn.Module) -> None:
    """Lay out the convolution weights as the fast kernels want them, in place."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _fast_layout(batch: Tensor) -> Tensor:
    return batch.contiguous(memory_format=torch.channels_last)


def objective(errors: Tensor, kind: str) -> Tensor:
    """Mean over the images that were sent: of the MSE, or of log(MSE + 1e-3), which follows the mean PSNR
    and lets no frame at low SNR outvote the rest.
    """
    sent = errors[~errors.isnan()]
    return sent.mean() if kind == "mse" else (sent + LOG_MSE_FLOOR).log().mean()


def train_codec(
    settings: CodecTraining, resume: bool = False, console: Console | None = None
) -> tuple[CodecNetwork, Progress]:
    """Train until the minutes or steps are spent; checkpoints go to ``settings.out``.

    With ``resume`` an existing checkpoint there is continued: bounded by steps, the result is the same as
    that of an uninterrupted run. Raises ModelError when there is a checkpoint and ``resume`` is false.
    """
    refuse_overwrite(settings.out, resume)
    torch.manual_seed(settings.seed)
    accelerator = Accelerator(mixed_precision=settings.mixed_precision)
    if accelerator.num_processes > 1 and settings.steps is None:
        raise ModelError("several processes that train together need --steps, because their clocks differ.")
    arguments = {"users": settings.users, "side_size": len(SIDE_FIELDS)} | settings.arguments
    codec = build_codec(settings.architecture, arguments)
    channels_last_(codec)
    optimizer = torch.optim.AdamW(
        codec.parameters(), settings.learning_rate, betas=(0.9, 0.98), weight_decay=settings.weight_decay
    )
    pool = CropPool(settings.images, min(settings.crops_px))
    network, optimizer = accelerator.prepare(CodecStep(codec), optimizer)

    def update(progress: Progress) -> float:
        errors = _one_step(settings, pool, accelerator, network, optimizer, progress)
        return float(-10 * errors[~errors.isnan()].log10().mean())

    progress = run_updates(settings, codec, optimizer, update, resume, console, writes=accelerator.is_main_process)
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
    errors = network(images, settings, generator)
    optimizer.zero_grad(set_to_none=True)
    accelerator.backward(objective(errors, settings.loss))
    accelerator.clip_grad_norm_(network.parameters(), settings.gradient_norm)
    optimizer.step()
    progress.images_seen += settings.users * batch * accelerator.num_processes
    return errors.detach()
