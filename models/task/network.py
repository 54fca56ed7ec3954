"""A network that names what a picture shows from the symbols that arrived of it, without decoding the picture.

It reads what the adaptive codec's decoder reads. Its first blocks have the decoder's form, so that training can start
from them: there the symbols' noise is taken out. What follows are further bottleneck blocks of that kind at twice the
latent's resolution and at its own, a mean over all places and one linear layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.codecs.adaptive import BottleneckBlock, MatrixConv2d, SideCode


@dataclass(frozen=True)
class TaskArguments:
    """classes: how many names there are; latent_channels: M of the codec. widths, blocks: of the decoder's own part at
    the latent's resolution and at twice that; task_widths, task_blocks: of what follows, at twice it and at its own.
    """

    classes: int = 10
    latent_channels: int = 64
    widths: tuple[int, int] = (96, 192)
    blocks: tuple[int, int] = (2, 7)
    task_widths: tuple[int, int] = (192, 384)
    task_blocks: tuple[int, int] = (2, 2)


class TaskHead(nn.Module):
    """``forward(features float [B,M,h,w], side float [B,3]) -> logits float [B,classes]``; features and side as the
    codec's decoder takes them.
    """

    def __init__(self, arguments: TaskArguments) -> None:
        super().__init__()
        self.arguments = arguments
        (quarter, eighth), (fine, coarse) = arguments.widths, arguments.task_widths
        self.side_code = SideCode()
        self.stem = MatrixConv2d(arguments.latent_channels, eighth, 3, padding=1)
        self.eighth = nn.ModuleList(BottleneckBlock(eighth) for _ in range(arguments.blocks[1]))
        self.up = nn.Sequential(MatrixConv2d(eighth, 4 * quarter, 1), nn.PixelShuffle(2))
        self.quarter = nn.ModuleList(BottleneckBlock(quarter) for _ in range(arguments.blocks[0]))
        self.fine = MatrixConv2d(quarter, fine, 1)
        self.fine_blocks = nn.ModuleList(BottleneckBlock(fine) for _ in range(arguments.task_blocks[0]))
        self.coarse = MatrixConv2d(fine, coarse, 2, stride=2)
        self.coarse_blocks = nn.ModuleList(BottleneckBlock(coarse) for _ in range(arguments.task_blocks[1]))
        self.norm = nn.LayerNorm(coarse)
        self.names = nn.Linear(coarse, arguments.classes)

    def forward(self, features: Tensor, side: Tensor) -> Tensor:
        code = self.side_code(side)
        x = self.stem(features)
        for block in self.eighth:
            x = block(x, code)
        x = self.up(x)
        for block in self.quarter:
            x = block(x, code)
        x = self.fine(x)
        for block in self.fine_blocks:
            x = block(x, code)
        x = self.coarse(x)
        for block in self.coarse_blocks:
            x = block(x, code)
        logits: Tensor = self.names(self.norm(x.relu().mean(dim=(2, 3))))
        return logits

    def start_from(self, decoder: Mapping[str, Tensor]) -> None:
        """Take the weights that a decoder of the same widths has in common with this network."""
        own = self.state_dict()
        shared = {
            name: tensor.float() for name, tensor in decoder.items() if name in own and own[name].shape == tensor.shape
        }
        self.load_state_dict({**own, **shared})


def probabilities(logits: Tensor) -> Tensor:
    """float [B, classes], each row adding up to 1."""
    return torch.softmax(logits.float(), dim=1)
