"""Training the conditional-GAN refiner, the baseline that diffusion refinement is compared with."""

from __future__ import annotations

import numpy as np
import torch
from accelerate import Accelerator
from rich.console import Console
from torch import Tensor, nn

from models.errors import ModelError
from models.evaluation.learned import LearnedScheme
from models.refiner.generator import generate
from models.refiner.network import ARCHITECTURE_NAME, build_prior, small_prior_arguments
from models.training.refiner.adversarial import PatchCritic, adversarial_losses, critic_loss
from models.training.refiner.decoded_pairs import decoded_crops, session_users
from models.training.running.checkpoint import Progress
from models.training.running.dataset import CropPool
from models.training.running.descent import channels_last_
from models.training.running.runner import refuse_overwrite, run_updates
from models.training.stage_config import ConditionalGanTraining


class Rivals(nn.Module):
    """generator: as a refiner runs it, at first without effect; critic: only needed in training."""

    def __init__(self, settings: ConditionalGanTraining) -> None:
        super().__init__()
        self.generator = build_prior(ARCHITECTURE_NAME, small_prior_arguments(settings.channels, settings.crop_px))
        last = self.generator.get_submodule("conv_out")
        for parameter in last.parameters():
            nn.init.zeros_(parameter)
        self.critic = PatchCritic(settings.critic_channels)
        channels_last_(self)


def train_conditional_gan(
    settings: ConditionalGanTraining, resume: bool = False, console: Console | None = None
) -> tuple[nn.Module, Progress]:
    """Train until the minutes or steps are spent; the logged figure is the generator's mean absolute error.

    Every update draws one SNR, has the codec decode crops at it, and moves first the critic, then the generator.
    Returns the generator. Errors and resume as ``train_codec``; ModelError when several processes train together.
    """
    refuse_overwrite(settings.out, resume)
    torch.manual_seed(settings.seed)
    accelerator = Accelerator(mixed_precision=settings.mixed_precision)
    if accelerator.num_processes > 1:
        raise ModelError("a conditional GAN is trained by one process: the critic's gradient penalty needs it.")
    rivals = Rivals(settings).to(accelerator.device)
    codec = LearnedScheme(str(settings.codec), session_users(settings.codec), str(accelerator.device))
    # One optimiser moves whichever of the two has gradients, so that one checkpoint holds all there is.
    optimizer = torch.optim.AdamW(rivals.parameters(), settings.learning_rate, betas=(0.5, 0.9), weight_decay=0.0)
    pool = CropPool(settings.images, settings.crop_px)

    def update(progress: Progress) -> float:
        rng = np.random.default_rng([settings.seed, progress.step])
        snr_db = float(rng.uniform(*settings.snr_db))
        crops = pool.draw(rng, settings.batch, settings.crop_px)
        decoded = decoded_crops(codec, crops, snr_db, int(rng.integers(2**31))).to(accelerator.device)
        real = torch.from_numpy(crops).permute(0, 3, 1, 2).float().div(127.5).sub(1).to(accelerator.device)
        mix = torch.from_numpy(rng.random((len(real), 1, 1, 1), np.float32)).to(accelerator.device)
        with accelerator.autocast():
            made = generate(rivals.generator, decoded, snr_db).float()
        _move(critic_loss(rivals.critic, real, made.detach(), decoded, settings.gradient_penalty, mix), rivals.critic)
        rivals.critic.requires_grad_(False)
        loss, error = generator_loss(rivals.critic, real, made, decoded, settings)
        _move(loss, rivals.generator)
        rivals.critic.requires_grad_(True)
        progress.images_seen += settings.batch
        return float(error.detach())

    def _move(loss: Tensor, network: nn.Module) -> None:
        optimizer.zero_grad(set_to_none=True)
        accelerator.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_norm)
        optimizer.step()

    progress = run_updates(settings, rivals, optimizer, update, resume, console)
    return rivals.generator, progress


def generator_loss(
    critic: nn.Module, real: Tensor, made: Tensor, condition: Tensor, settings: ConditionalGanTraining
) -> tuple[Tensor, Tensor]:
    """(reconstruction * L1 + adversarial * L_WGAN + feature * L_features, L1), scalars."""
    error = (made - real).abs().mean()
    adversarial, features = adversarial_losses(critic, real, made, condition)
    return settings.reconstruction * error + settings.adversarial * adversarial + settings.feature * features, error
