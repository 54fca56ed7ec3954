"""The adaptive codec: one encoder and one decoder for any user, any number of symbols and any signal-to-noise ratio.

It is a point-to-point codec. How users share the channel uses is decided outside it (models/sharing.py): at a position
of the latent a user sends the first m of its complex channels, a prefix that is a code of its own (nested dropout,
Rippel et al. 2014), and both networks are told m, the SINR after the receiver's separation and its spread over the
symbols. m may differ from position to position (models/rate). Residual blocks are bottlenecks without normalisation (He
et al. 2016), conditioned position by position by FiLM (Perez et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.codecs.base import CodecArguments, CodecNetwork
from models.codecs.foresight import Foresight
from models.rate.levels import levels_of

SIDE_SIZE = 3
CODE_SIZE = 64
STRIDE = 8


@dataclass(frozen=True)
class AdaptiveArguments(CodecArguments):
    """Further constructor arguments. users: the most that a session may have; the networks know nothing of it. widths:
    channels at a quarter and at an eighth of the resolution; blocks likewise. latent_channels: two for each complex
    channel that a payload has at a position on average, when a user has all of it; reserve_channels: further complex
    channels, for positions that send more than others. Raises ValueError on widths below 2, a negative reserve or
    another form than one decoder for all.
    """

    users: int = 8
    side_size: int = SIDE_SIZE
    latent_channels: int = 64
    reserve_channels: int = 0
    decoders: str = "shared"
    encoder_widths: tuple[int, int] = (96, 192)
    encoder_blocks: tuple[int, int] = (2, 5)
    decoder_widths: tuple[int, int] = (96, 192)
    decoder_blocks: tuple[int, int] = (2, 7)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decoders != "shared" or self.sharing != "superposed" or self.side_size != SIDE_SIZE:
            raise ValueError("one decoder serves all users, and sharing is decided outside the network")
        if min(*self.encoder_widths, *self.decoder_widths) < 2:
            raise ValueError("widths must be at least 2")
        if self.reserve_channels < 0:
            raise ValueError("reserve_channels must not be negative")

    @property
    def stride(self) -> int:
        return STRIDE

    @property
    def complex_channels(self) -> int:
        """The most that a position can send."""
        return self.latent_channels // 2 + self.reserve_channels


class MatrixConv2d(nn.Conv2d):
    """A convolution whose weight is kept as a matrix [out, in * k * k], the form that the Muon optimiser takes."""

    def __init__(self, channels_in: int, channels_out: int, kernel_px: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__(channels_in, channels_out, kernel_px, stride, padding)
        self.weight = nn.Parameter(self.weight.detach().flatten(1))

    def forward(self, features: Tensor) -> Tensor:
        weight = self.weight.view(self.out_channels, self.in_channels, *self.kernel_size)
        return self._conv_forward(features, weight, self.bias)


class SideCode(nn.Module):
    """``forward(side float [B,3], shares float [B,1,h,w]) -> float [B,64,h,w]``: what every block's FiLM reads. shares:
    a position's own, in place of the third of the side.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(SIDE_SIZE, CODE_SIZE)
        self.second = nn.Linear(CODE_SIZE, CODE_SIZE)

    def forward(self, side: Tensor, shares: Tensor) -> Tensor:
        common = side[:, : SIDE_SIZE - 1, None, None].expand(-1, -1, shares.shape[2], shares.shape[3])
        told = torch.cat((common, shares), dim=1)
        first = nn.functional.conv2d(told, self.first.weight[:, :, None, None], self.first.bias).relu()
        code: Tensor = nn.functional.conv2d(first, self.second.weight[:, :, None, None], self.second.bias).relu()
        return code


def alike(side: Tensor) -> Tensor:
    """The side's share, for all positions at once: float [B, 1, 1, 1]."""
    return side[:, SIDE_SIZE - 1 :, None, None]


class BottleneckBlock(nn.Module):
    """ReLU, 1x1 to half the width, FiLM, ReLU, 3x3, ReLU, 1x1 back, layer scale, residual."""

    def __init__(self, channels: int, layer_scale: float = 0.2) -> None:
        super().__init__()
        inner = channels // 2
        self.narrow = MatrixConv2d(channels, inner, 1)
        self.mix = MatrixConv2d(inner, inner, 3, padding=1)
        self.widen = MatrixConv2d(inner, channels, 1)
        self.film = nn.Linear(CODE_SIZE, 2 * inner)
        self.scale = nn.Parameter(torch.full((channels, 1, 1), layer_scale))
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)

    def forward(self, features: Tensor, code: Tensor, finer: int = 1) -> Tensor:
        """finer: how many times finer the features are than the code, on each side."""
        film = nn.functional.conv2d(code, self.film.weight[:, :, None, None], self.film.bias)
        if finer > 1:
            film = nn.functional.interpolate(film, scale_factor=float(finer), mode="nearest")
        gain, shift = film.chunk(2, dim=1)
        inner = (self.narrow(features.relu()) * (1 + gain) + shift).relu()
        return features + self.scale * self.widen(self.mix(inner).relu())


class AdaptiveEncoder(nn.Module):
    """``forward(image float [B,3,H,W] in [0,1], user, side float [B,3], shares float [B,1,H/8,W/8]) -> latent float
    [B,2C,H/8,W/8]``; which user it is makes no difference. shares: of a payload's channels at each position; where
    there are none, all positions have the side's.

    Complex channel c of the latent is channel c (real part) and c + C (imaginary part). Its power is not normalised.
    """

    def __init__(self, arguments: AdaptiveArguments) -> None:
        super().__init__()
        quarter, eighth = arguments.encoder_widths
        self.side_code = SideCode()
        self.stem = nn.Sequential(nn.PixelUnshuffle(4), MatrixConv2d(48, quarter, 1))
        self.quarter = nn.ModuleList(BottleneckBlock(quarter) for _ in range(arguments.encoder_blocks[0]))
        self.down = MatrixConv2d(quarter, eighth, 2, stride=2)
        self.eighth = nn.ModuleList(BottleneckBlock(eighth) for _ in range(arguments.encoder_blocks[1]))
        self.head = MatrixConv2d(eighth, 2 * arguments.complex_channels, 1)

    def forward(self, image: Tensor, user: Tensor | None, side: Tensor, shares: Tensor | None = None) -> Tensor:
        finer = 1 if shares is None else 2
        code = self.side_code(side, alike(side) if shares is None else shares)
        features = self.stem(2 * image - 1)
        for block in self.quarter:
            features = block(features, code, finer)
        features = self.down(features)
        for block in self.eighth:
            features = block(features, code)
        latent: Tensor = self.head(features)
        return latent


class AdaptiveDecoder(nn.Module):
    """``forward(features float [B,2C+1,h,w] or [B,2C,h,w], side float [B,3]) -> image float [B,3,8h,8w]``, not clamped.

    features: what was received of the sent channels, of unit mean power over the picture, zero where nothing was sent
    or a symbol was lost; and last the share of a payload's channels that each position has, where not all have the
    side's.
    """

    def __init__(self, arguments: AdaptiveArguments) -> None:
        super().__init__()
        quarter, eighth = arguments.decoder_widths
        self.side_code = SideCode()
        self.stem = MatrixConv2d(2 * arguments.complex_channels, eighth, 3, padding=1)
        self.eighth = nn.ModuleList(BottleneckBlock(eighth) for _ in range(arguments.decoder_blocks[1]))
        self.up = nn.Sequential(MatrixConv2d(eighth, 4 * quarter, 1), nn.PixelShuffle(2))
        self.quarter = nn.ModuleList(BottleneckBlock(quarter) for _ in range(arguments.decoder_blocks[0]))
        self.head = nn.Sequential(MatrixConv2d(quarter, 48, 3, padding=1), nn.PixelShuffle(4))

    def forward(self, features: Tensor, side: Tensor) -> Tensor:
        channels = self.stem.in_channels
        told = features.shape[1] > channels
        code = self.side_code(side, features[:, channels:] if told else alike(side))
        features = self.stem(features[:, :channels])
        for block in self.eighth:
            features = block(features, code)
        features = self.up(features)
        for block in self.quarter:
            features = block(features, code, 2 if told else 1)
        image: Tensor = self.head(features) + 0.5
        return image


class AdaptiveCodec(CodecNetwork):
    """arguments; ``encoder(image, user, side, shares)`` -> latent; ``decoder(features, side)`` -> image, for every
    user; ``foresight(image, side)`` -> what error each block would have for so many symbols.
    """

    def __init__(self, arguments: AdaptiveArguments) -> None:
        super().__init__(arguments, AdaptiveEncoder(arguments), lambda _user: AdaptiveDecoder(arguments))
        self.foresight = Foresight(levels_of(arguments.complex_channels))

    @property
    def decoder(self) -> nn.Module:
        """The one decoder of all users."""
        decoder: nn.Module = self.decoders.decoder
        return decoder
