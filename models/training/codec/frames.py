"""Random frames to train on: a channel, an SNR, and what each end knows of them, per sample."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.codecs.channel import draw_channel, noise_power_of
from models.training.config import ChannelMix

SIDE_FIELDS = ["snr_db_over_20", "own_gain", "other_gain_rss"]


@dataclass(frozen=True)
class Frame:
    """channel: complex64 [B, users, k]; snr_db and estimation_error_power: [B] or None; active: bool [B, users];
    encoder_side: float [B, users, d], what the transmitters believe."""

    channel: Tensor
    snr_db: Tensor
    estimation_error_power: Tensor | None
    active: Tensor
    encoder_side: Tensor


def side_vectors(snr_db: Tensor, gains: Tensor) -> Tensor:
    """float [B], float [B, users] -> float [B, users, 3], the fields SIDE_FIELDS as side_information
    defines them.
    """
    others = (gains.square().sum(dim=1, keepdim=True) - gains.square()).clamp_min(0).sqrt()
    snr = (snr_db / 20.0)[:, None].expand_as(gains)
    return torch.stack((snr, gains, others), dim=2)


def draw_frame(mix: ChannelMix, batch: int, users: int, symbols: int, generator: torch.Generator) -> Frame:
    """Draw a batch; each sample has its own channel mode, SNR and imperfections."""
    low, high = mix.snr_db
    snr_db = low + (high - low) * torch.rand(batch, generator=generator)
    channel = _mixed_channel(mix, batch, users, symbols, generator)
    active = torch.ones(batch, users, dtype=torch.bool)
    if users > 1:
        alone = torch.rand(batch, generator=generator) < mix.alone
        survivor = torch.randint(users, (batch, 1), generator=generator)
        active = ~alone[:, None] | (torch.arange(users)[None] == survivor)
    channel = channel * active[:, :, None]
    gains = channel.abs().square().mean(dim=2).sqrt()
    reported_db = snr_db + mix.snr_error_db * torch.randn(batch, generator=generator)
    side = side_vectors(reported_db, gains)
    unknown = torch.rand(batch, generator=generator) < mix.unknown_csi
    default = side_vectors(torch.full((batch,), 10.0), torch.ones(batch, users))
    side = torch.where(unknown[:, None, None], default, side)
    # Half of the frames have perfect channel knowledge, the rest a random quality of estimate.
    quality = (2 * torch.rand(batch, generator=generator) - 1).clamp_min(0)
    return Frame(channel, snr_db, mix.estimation_error * quality * noise_power_of(snr_db), active, side)


def _mixed_channel(mix: ChannelMix, batch: int, users: int, symbols: int, generator: torch.Generator) -> Tensor:
    modes = list(mix.shares().items())
    shares = torch.tensor([share for _, share in modes])
    choice = torch.multinomial(shares, batch, replacement=True, generator=generator)
    channel = torch.empty(batch, users, symbols, dtype=torch.complex64)
    for index, (mode, _) in enumerate(modes):
        rows = (choice == index).nonzero()[:, 0]
        if len(rows):
            channel[rows] = draw_channel(mode, len(rows), users, symbols, generator).expand(-1, -1, symbols)
    return channel
