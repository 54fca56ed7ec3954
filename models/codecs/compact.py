"""The compact codec for real-time use on a laptop: one encoder shared by all users, one decoder per user."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.codecs.base import CodecArguments, CodecNetwork, Layer, time_shares
from models.codecs.blocks import Downsample, Stage, Upsample


@dataclass(frozen=True)
class CompactArguments(CodecArguments):
    """Further constructor arguments of the compact codec.

    widths are the channels at half and at quarter resolution; blocks likewise.
    """

    encoder_widths: tuple[int, int] = (64, 128)
    encoder_blocks: tuple[int, int] = (2, 4)
    decoder_widths: tuple[int, int] = (64, 128)
    decoder_blocks: tuple[int, int] = (3, 7)
    kernel_px: int = 3
    embedding_size: int = 8
    shared_start: float = 0.2

    @property
    def stride(self) -> int:
        return 4


class Encoder(nn.Module):
    """``forward(image float [B,3,H,W] in [0,1], user int64 [B], side float [B,d]) -> latent float
    [B,M,H/4,W/4]``.

    The latent's power is not normalised here. A user is known by its embedding, which joins the side vector
    (and so reaches every AF module whatever the image size), and by its own final projection.
    """

    shares: Tensor

    def __init__(self, arguments: CompactArguments) -> None:
        super().__init__()
        self._shared = arguments.sharing == "time"
        half, quarter = arguments.encoder_widths
        blocks_half, blocks_quarter = arguments.encoder_blocks
        side_size = arguments.side_size + arguments.embedding_size
        self.embedding = nn.Embedding(arguments.users, arguments.embedding_size)
        self.stem = nn.Conv2d(3, half, 4, stride=2, padding=1)
        self.stage_half = Stage(half, blocks_half, side_size, arguments.kernel_px)
        self.down = Downsample(half, quarter)
        self.stage_quarter = Stage(quarter, blocks_quarter, side_size, arguments.kernel_px)
        self.norm = nn.LayerNorm(quarter)
        self.projection = nn.Parameter(_initial_projection(arguments))
        self.projection_bias = nn.Parameter(torch.zeros(arguments.users, 1, arguments.latent_channels))
        self.register_buffer("shares", time_shares(arguments), persistent=False)

    def forward(self, image: Tensor, user: Tensor, side: Tensor) -> Tensor:
        side = torch.cat((side, self.embedding(user)), dim=1)
        features = self.stage_half(self.stem(2 * image - 1), side)
        features = self.stage_quarter(self.down(features), side)
        batch, _, height, width = features.shape
        rows = self.norm(features.permute(0, 2, 3, 1)).flatten(1, 2)
        latent = torch.matmul(rows, self.projection[user]) + self.projection_bias[user]
        latent = latent.transpose(1, 2).reshape(batch, -1, height, width)
        return latent * self.shares[user] if self._shared else latent


def _initial_projection(arguments: CompactArguments) -> Tensor:
    """[users, C, M]: every user starts louder on its own share of the complex symbols.

    ``shared_start`` is the starting amplitude on the other users' shares, relative to the own one. Users
    that start on identical symbols spend most of a short training learning to part, so a low value trains
    fast; but it also decides where training ends: from 0.2 the users part altogether, each silent on the
    other's symbols, which is orthogonal sharing that the network chose rather than superposition. 1 has no
    preference.
    """
    channels = arguments.encoder_widths[1]
    weights = torch.randn(arguments.users, channels, arguments.latent_channels) / channels**0.5
    return weights * own_share_loudness(arguments)[:, None]


def own_share_loudness(arguments: CompactArguments) -> Tensor:
    """float [users, M]: 1 on a user's own share of the complex symbols, ``shared_start`` on the others'."""
    symbols = arguments.latent_channels // 2
    owner = torch.arange(symbols) * arguments.users // symbols
    own = owner[None] == torch.arange(arguments.users)[:, None]
    return torch.where(torch.cat((own, own), dim=1), 1.0, arguments.shared_start)


class Decoder(nn.Module):
    """One user's decoder: ``forward(features float [B,M,h,w], side float [B,d]) -> image float [B,3,4h,4w]``.

    The output is not clamped; an image is its clamp to [0,1].
    """

    share: Tensor

    def __init__(self, arguments: CompactArguments, user: int = 0) -> None:
        super().__init__()
        self._shared = arguments.sharing == "time"
        self.register_buffer("share", time_shares(arguments)[user], persistent=False)
        half, quarter = arguments.decoder_widths
        blocks_half, blocks_quarter = arguments.decoder_blocks
        first = blocks_quarter // 2
        self.stem = nn.Conv2d(arguments.latent_channels, quarter, 3, padding=1)
        self.stage_early = Stage(quarter, first, arguments.side_size, arguments.kernel_px)
        self.stage_quarter = Stage(quarter, blocks_quarter - first, arguments.side_size, arguments.kernel_px)
        self.up_half = Upsample(quarter, half, 1)
        self.stage_half = Stage(half, blocks_half, arguments.side_size, arguments.kernel_px)
        self.up_full = Upsample(half, arguments.output_channels, 3)

    def layers(self) -> list[Layer]:
        """Input, early stage, quarter stage, upsampling, half stage, output."""
        return [
            lambda features, side: self.stem(features * self.share if self._shared else features),
            self.stage_early,
            self.stage_quarter,
            lambda hidden, side: self.up_half(hidden),
            self.stage_half,
            lambda hidden, side: self.up_full(hidden) + 0.5,
        ]

    def forward(self, features: Tensor, side: Tensor) -> Tensor:
        for layer in self.layers():
            features = layer(features, side)
        return features


class Codec(CodecNetwork):
    """The shared encoder and the decoders."""

    def __init__(self, arguments: CompactArguments) -> None:
        super().__init__(arguments, Encoder(arguments), lambda user: Decoder(arguments, user))
