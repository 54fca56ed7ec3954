"""Building blocks of the codec networks: ConvNeXt block, adaptive-feature module, resampling.

All take and give float [batch, channels, height, width]; channels-last memory is the fast layout on a CPU.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of an NCHW tensor, each position by itself."""

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution -> LayerNorm -> 1x1 to 4d -> GELU -> 1x1 to d -> layer scale -> residual (Liu
    et al. 2022). depth_drop: chance that a sample's branch is left out in training (stochastic depth).
    """

    def __init__(
        self,
        channels: int,
        kernel_px: int = 7,
        expansion: int = 4,
        layer_scale: float = 0.2,
        depth_drop: float = 0.0,
    ) -> None:
        super().__init__()
        self._depth_drop = depth_drop
        self.depthwise = nn.Conv2d(channels, channels, kernel_px, padding=kernel_px // 2, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, expansion * channels)
        self.activation = nn.GELU()
        self.narrow = nn.Linear(expansion * channels, channels)
        # The paper starts at 1e-6 for long runs; in runs of minutes that only delays learning.
        self.scale = nn.Parameter(torch.full((channels,), layer_scale))

    def forward(self, features: Tensor) -> Tensor:
        branch = self.norm(self.depthwise(features).permute(0, 2, 3, 1))
        branch = self.narrow(self.activation(self.widen(branch))) * self.scale
        if self.training and self._depth_drop > 0:
            kept = torch.rand(len(branch), 1, 1, 1, device=branch.device) >= self._depth_drop
            branch = branch * kept / (1 - self._depth_drop)
        return features + branch.permute(0, 3, 1, 2)


class AdaptiveFeatures(nn.Module):
    """AF module: a channel mask and a channel shift from the side vector and the spatial mean of the
    features.

    ``forward(features [B,C,H,W], side [B,d])``. The mask is as in method.md (a sigmoid of a small network
    on the concatenated mean and side code), doubled so that it can also amplify; the shift lets the side
    vector act where the features are zero. Pooling is the only global operation, so any image size works.
    """

    def __init__(self, channels: int, side_size: int, hidden: int = 64) -> None:
        super().__init__()
        self.side = nn.Sequential(
            nn.Linear(side_size, hidden), nn.LayerNorm(hidden), nn.LeakyReLU(), nn.Linear(hidden, channels)
        )
        self.mask = nn.Sequential(nn.Linear(2 * channels, channels), nn.LeakyReLU(), nn.Linear(channels, channels))
        self.shift = nn.Linear(channels, channels)

    def forward(self, features: Tensor, side: Tensor) -> Tensor:
        code = self.side(side)
        mean = features.mean(dim=(2, 3))
        mask = 2 * torch.sigmoid(self.mask(torch.cat((mean, code), dim=1)))
        return features * mask[:, :, None, None] + self.shift(code)[:, :, None, None]


class Stage(nn.Module):
    """``blocks`` ConvNeXt blocks followed by one AF module."""

    def __init__(self, channels: int, blocks: int, side_size: int, kernel_px: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(ConvNeXtBlock(channels, kernel_px) for _ in range(blocks)))
        self.adapt = AdaptiveFeatures(channels, side_size)

    def forward(self, features: Tensor, side: Tensor) -> Tensor:
        return self.adapt(self.blocks(features), side)


class Downsample(nn.Sequential):
    """LayerNorm, then a 2x2 convolution of stride 2."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(ChannelNorm(channels_in), nn.Conv2d(channels_in, channels_out, 2, stride=2))


class Upsample(nn.Sequential):
    """LayerNorm, a convolution to four times the channels, pixel shuffle: twice the height and width."""

    def __init__(self, channels_in: int, channels_out: int, kernel_px: int) -> None:
        super().__init__(
            ChannelNorm(channels_in),
            nn.Conv2d(channels_in, 4 * channels_out, kernel_px, padding=kernel_px // 2),
            nn.PixelShuffle(2),
        )
