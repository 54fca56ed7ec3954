"""The paper's networks (method.md, encoder and decoder): ConvNeXt stages with AF modules and attention blocks.

Two stages for 32x32 (the default arguments), four for 256x256 (``ConvNeXtArguments.for_256``). Fully convolutional;
the user's embedding plane is stretched to images of another size.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.codecs.attention import AttentionBlock, EnhancedAdaptiveFeatures
from models.codecs.base import CodecArguments, CodecNetwork, Layer, time_shares
from models.codecs.blocks import ChannelNorm, ConvNeXtBlock, Downsample, Upsample


@dataclass(frozen=True)
class ConvNeXtArguments(CodecArguments):
    """widths and blocks: of each stage, from the image on; embedding_px: side of the learned planes.

    layer_scale: start of the residual branches' scale; depth_drop: stochastic depth of the last block (it rises
    linearly from 0); dropout: inside AF modules.
    """

    widths: tuple[int, ...] = (96, 192)
    blocks: tuple[int, ...] = (3, 3)
    embedding_px: int = 32
    kernel_px: int = 7
    layer_scale: float = 1e-6
    depth_drop: float = 0.1
    dropout: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.widths or len(self.widths) != len(self.blocks) or min(self.widths) < 2 or min(self.blocks) < 1:
            raise ValueError("widths and blocks must name every stage")

    @classmethod
    def for_256(cls, users: int = 2, side_size: int = 3) -> ConvNeXtArguments:
        """The paper's size for 256x256 images: ratio 1/48."""
        stages = {"widths": (96, 192, 384, 768), "blocks": (2, 2, 6, 2)}
        return cls(users, side_size, latent_channels=32, embedding_px=256, **stages)  # type: ignore[arg-type]

    @property
    def stride(self) -> int:
        return int(2 ** len(self.widths))


class ConvNeXtStage(nn.Module):
    """``blocks`` ConvNeXt blocks, the AF module, the attention block."""

    def __init__(self, arguments: ConvNeXtArguments, stage: int) -> None:
        super().__init__()
        channels, total = arguments.widths[stage], sum(arguments.blocks)
        before = sum(arguments.blocks[:stage])
        drops = [
            arguments.depth_drop * (before + index) / max(1, total - 1) for index in range(arguments.blocks[stage])
        ]
        self.blocks = nn.Sequential(
            *(ConvNeXtBlock(channels, arguments.kernel_px, 4, arguments.layer_scale, drop) for drop in drops)
        )
        self.adapt = EnhancedAdaptiveFeatures(channels, arguments.side_size, arguments.dropout)
        self.attention = AttentionBlock(channels)

    def layers(self) -> list[Layer]:
        """Blocks, AF module and attention block, each taking (features, side)."""
        return [_sideless(self.blocks), self.adapt, _sideless(self.attention)]

    def forward(self, features: Tensor, side: Tensor) -> Tensor:
        features = self.adapt(self.blocks(features), side)
        attended: Tensor = self.attention(features)
        return attended


def _sideless(network: nn.Module) -> Layer:
    return lambda features, side: network(features)


class ConvNeXtEncoder(nn.Module):
    """``forward(image float [B,3,H,W] in [0,1], user int64 [B], side float [B,d]) -> latent [B,M,H/s,W/s]``."""

    shares: Tensor

    def __init__(self, arguments: ConvNeXtArguments) -> None:
        super().__init__()
        widths = arguments.widths
        self._embedding_px = arguments.embedding_px
        self.embedding = nn.Embedding(arguments.users, arguments.embedding_px**2)
        self.downs = nn.ModuleList([nn.Conv2d(4, widths[0], 4, stride=2, padding=1)])
        self.downs.extend(Downsample(before, after) for before, after in pairwise(widths))
        self.stages = nn.ModuleList(ConvNeXtStage(arguments, stage) for stage in range(len(widths)))
        self.norm = ChannelNorm(widths[-1])
        self.project = nn.Conv2d(widths[-1], arguments.latent_channels, 1)
        self.register_buffer("shares", time_shares(arguments), persistent=False)

    def forward(self, image: Tensor, user: Tensor, side: Tensor) -> Tensor:
        plane = self.embedding(user).reshape(-1, 1, self._embedding_px, self._embedding_px)
        plane = F.interpolate(plane, size=image.shape[2:], mode="bilinear", align_corners=False)
        features = torch.cat((2 * image - 1, plane), dim=1)
        for down, stage in zip(self.downs, self.stages, strict=True):
            features = stage(down(features), side)
        latent: Tensor = self.project(self.norm(features)) * self.shares[user]
        return latent


class ConvNeXtDecoder(nn.Module):
    """``forward(features float [B,M,h,w], side float [B,d]) -> image float [B,3,sh,sw]``, not clamped."""

    share: Tensor

    def __init__(self, arguments: ConvNeXtArguments, user: int) -> None:
        super().__init__()
        widths = arguments.widths
        self.enter = nn.Conv2d(arguments.latent_channels, widths[-1], 1)
        self.norm = ChannelNorm(widths[-1])
        self.stages = nn.ModuleList(ConvNeXtStage(arguments, stage) for stage in reversed(range(len(widths))))
        following = (*reversed(widths[:-1]), widths[0])
        self.ups = nn.ModuleList(
            Upsample(before, after, 3) for before, after in zip(reversed(widths), following, strict=True)
        )
        self.leave = nn.Conv2d(widths[0], arguments.output_channels, 1)
        self.register_buffer("share", time_shares(arguments)[user], persistent=False)

    def layers(self) -> list[Layer]:
        """Input; blocks, AF, attention and upsampling of every stage; output (method.md's count for CrossKD)."""
        found: list[Layer] = [lambda features, side: self.norm(self.enter(features * self.share))]
        for stage, up in zip(self.stages, self.ups, strict=True):
            assert isinstance(stage, ConvNeXtStage)
            found += [*stage.layers(), _sideless(up)]
        return [*found, lambda features, side: self.leave(features) + 0.5]

    def forward(self, features: Tensor, side: Tensor) -> Tensor:
        for layer in self.layers():
            features = layer(features, side)
        return features


class ConvNeXtCodec(CodecNetwork):
    """The shared encoder and the decoders."""

    def __init__(self, arguments: ConvNeXtArguments) -> None:
        super().__init__(arguments, ConvNeXtEncoder(arguments), lambda user: ConvNeXtDecoder(arguments, user))
