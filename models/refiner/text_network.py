"""A refiner of one pass that is told the SNR and, where there is one, what the picture's caption means.

A U-Net of two resolutions on pictures unshuffled to half their size, without normalisation; every residual block is
conditioned by FiLM (Perez et al. 2018) on a code of SNR and sentence embedding. Text is left out at random in
training, so that one network serves with and without it and the difference can be amplified (classifier-free
guidance, Ho and Salimans 2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.codecs.adaptive import MatrixConv2d

TEXT_ARCHITECTURE = "text-film-unet"
STRIDE = 4
TEXT_SIZE = 384
SNR_RANGE_DB, SNR_SCALE_DB = (-10.0, 30.0), 20.0


@dataclass(frozen=True)
class TextArguments:
    """widths: channels at half and at quarter resolution; blocks: at half, at quarter, at half again; code_size: of
    what blocks are conditioned on; text: False makes a network that takes none. Raises ValueError where they are none.
    """

    widths: tuple[int, int] = (64, 96)
    blocks: tuple[int, int, int] = (2, 3, 2)
    code_size: int = 96
    text: bool = True

    def __post_init__(self) -> None:
        if len(self.widths) != 2 or len(self.blocks) != 3 or min(*self.widths, self.code_size) < 1:
            raise ValueError("a refiner needs two widths and three numbers of blocks")
        if not 0 <= min(self.blocks) <= max(self.blocks) <= 64 or max(*self.widths, self.code_size) > 4096:
            raise ValueError("widths are at most 4096, and blocks from 0 to 64")


class _Code(nn.Module):
    """``forward(snr_db float [B], text float [B, 384], told float [B]) -> float [B, code_size]``."""

    def __init__(self, arguments: TextArguments) -> None:
        super().__init__()
        size = arguments.code_size
        self.snr = nn.Linear(1, size)
        self.mixed = nn.Linear(size, size)
        self.text = nn.Sequential(nn.Linear(TEXT_SIZE, size), nn.ReLU()) if arguments.text else None

    def forward(self, snr_db: Tensor, text: Tensor, told: Tensor) -> Tensor:
        hidden: Tensor = self.snr(snr_db.clamp(*SNR_RANGE_DB)[:, None] / SNR_SCALE_DB).relu()
        if self.text is not None:
            # Entries of a vector of length one are about 1/sqrt(384): scaled to one.
            hidden = hidden + told[:, None] * self.text(TEXT_SIZE**0.5 * text)
        code: Tensor = self.mixed(hidden).relu()
        return code


class _Block(nn.Module):
    """3x3, FiLM, ReLU, 3x3, layer scale, residual."""

    def __init__(self, channels: int, code_size: int) -> None:
        super().__init__()
        self.first = MatrixConv2d(channels, channels, 3, padding=1)
        self.second = MatrixConv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(code_size, 2 * channels)
        self.scale = nn.Parameter(torch.full((channels, 1, 1), 0.2))
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)

    def forward(self, features: Tensor, code: Tensor) -> Tensor:
        gain, shift = self.film(code)[:, :, None, None].chunk(2, dim=1)
        hidden = (self.first(features.relu()) * (1 + gain) + shift).relu()
        return features + self.scale * self.second(hidden)


class TextRefinerNetwork(nn.Module):
    """``forward(decoded float [B, 3, H, W] in [-1, 1], snr_db [B], text [B, 384], told [B])`` -> the same, refined, not
    clamped; sides are multiples of 4. told: 1 where there is a text, 0 where there is none. Fresh weights change
    nothing.
    """

    def __init__(self, arguments: TextArguments) -> None:
        super().__init__()
        self.arguments = arguments
        half, quarter = arguments.widths
        size, counts = arguments.code_size, arguments.blocks
        self.code = _Code(arguments)
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), MatrixConv2d(12, half, 3, padding=1))
        self.before = nn.ModuleList(_Block(half, size) for _ in range(counts[0]))
        self.down = MatrixConv2d(half, quarter, 2, stride=2)
        self.middle = nn.ModuleList(_Block(quarter, size) for _ in range(counts[1]))
        self.up = nn.Sequential(MatrixConv2d(quarter, 4 * half, 1), nn.PixelShuffle(2))
        self.after = nn.ModuleList(_Block(half, size) for _ in range(counts[2]))
        self.head = nn.Sequential(MatrixConv2d(half, 12, 3, padding=1), nn.PixelShuffle(2))
        for parameter in self.head[0].parameters():
            nn.init.zeros_(parameter)

    def forward(self, decoded: Tensor, snr_db: Tensor, text: Tensor, told: Tensor) -> Tensor:
        code = self.code(snr_db, text, told)
        features = self.stem(decoded)
        for block in self.before:
            features = block(features, code)
        deep = self.down(features)
        for block in self.middle:
            deep = block(deep, code)
        features = features + self.up(deep)
        for block in self.after:
            features = block(features, code)
        refined: Tensor = decoded + self.head(features)
        return refined
