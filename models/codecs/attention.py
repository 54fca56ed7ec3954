"""The paper's two modules beside ConvNeXt: the enhanced AF module and the attention block."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class EnhancedAdaptiveFeatures(nn.Module):
    """``forward(features [B,C,H,W], side [B,d])``: a channel mask from side vector and spatial mean (method.md).

    s -> Linear(d,128) -> LayerNorm -> LeakyReLU -> Linear(128,C); with the mean of the features, Linear(2C,4C) ->
    LeakyReLU -> Dropout -> Linear(4C,4C) -> LeakyReLU -> Linear(4C,C) -> sigmoid multiplies the features.
    """

    def __init__(self, channels: int, side_size: int, dropout: float) -> None:
        super().__init__()
        self.side = nn.Sequential(
            nn.Linear(side_size, 128), nn.LayerNorm(128), nn.LeakyReLU(), nn.Linear(128, channels)
        )
        self.mask = nn.Sequential(
            nn.Linear(2 * channels, 4 * channels),
            nn.LeakyReLU(),
            nn.Dropout(dropout),
            nn.Linear(4 * channels, 4 * channels),
            nn.LeakyReLU(),
            nn.Linear(4 * channels, channels),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor, side: Tensor) -> Tensor:
        code = torch.cat((self.side(side), features.mean(dim=(2, 3))), dim=1)
        return features * self.mask(code)[:, :, None, None]


class ResidualUnit(nn.Module):
    """1x1 to half the channels, 3x3, 1x1 back, ReLU between; added to its input, and ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(
            nn.Conv2d(channels, half, 1),
            nn.ReLU(),
            nn.Conv2d(half, half, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(half, channels, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(features + self.branch(features))


class AttentionBlock(nn.Module):
    """x + trunk(x) sigmoid(mask(x)), float [B,C,H,W]: the simplified attention module of Cheng et al. (2020)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(*(ResidualUnit(channels) for _ in range(3)))
        self.mask = nn.Sequential(*(ResidualUnit(channels) for _ in range(3)), nn.Conv2d(channels, channels, 1))

    def forward(self, features: Tensor) -> Tensor:
        return features + self.trunk(features) * torch.sigmoid(self.mask(features))
