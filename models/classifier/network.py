"""A compact residual network for pictures of 32x32 pixels (He et al. 2016), or the same layers without shortcuts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

MEAN, DEVIATION = 0.47, 0.25  # of natural pictures in [0, 1], all channels together


@dataclass(frozen=True)
class ClassifierArguments:
    """classes; widths: channels at full, half, quarter resolution and so on; blocks: pairs of convolutions at each of
    them; shortcuts: whether a pair adds to what it was given. Raises ValueError when they do not fit together.
    """

    classes: int = 10
    widths: tuple[int, ...] = (32, 64, 128)
    blocks: tuple[int, ...] = (0, 1, 1)
    shortcuts: bool = True

    def __post_init__(self) -> None:
        if self.classes < 2 or len(self.widths) != len(self.blocks) or min(self.widths, default=0) < 1:
            raise ValueError("a classifier needs two classes, and a width and a number of blocks for each resolution")
        if min(self.blocks) < 0:
            raise ValueError("a number of blocks cannot be negative")


class _Convolution(nn.Module):
    """3x3 convolution, batch normalisation, ReLU."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.normalise = nn.BatchNorm2d(channels_out)

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.normalise(self.convolution(features)))


class _Pair(nn.Module):
    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.first, self.second = _Convolution(channels, channels), _Convolution(channels, channels)
        self.shortcut = shortcut

    def forward(self, features: Tensor) -> Tensor:
        made: Tensor = self.second(self.first(features))
        return features + made if self.shortcut else made


class ClassifierNetwork(nn.Module):
    """``forward(pictures float [B, 3, H, W] in [0, 1]) -> logits float [B, classes]``."""

    def __init__(self, arguments: ClassifierArguments) -> None:
        super().__init__()
        self.arguments = arguments
        widths, blocks = arguments.widths, arguments.blocks
        self.stem = _Convolution(3, widths[0])
        self.stages = nn.ModuleList()
        for index, (before, width) in enumerate(itertools.pairwise((widths[0], *widths))):
            pairs = [_Pair(width, arguments.shortcuts) for _ in range(blocks[index])]
            entry = [_Convolution(before, width, stride=2)] if index else []
            self.stages.append(nn.Sequential(*entry, *pairs))
        self.head = nn.Linear(widths[-1], arguments.classes)

    def features(self, pictures: Tensor) -> list[Tensor]:
        """float [B, width, h, w] after each resolution."""
        hidden, found = self.stem((pictures - MEAN) / DEVIATION), []
        for stage in self.stages:
            hidden = stage(hidden)
            found.append(hidden)
        return found

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(pictures)[-1].mean(dim=(2, 3)))
        return logits
