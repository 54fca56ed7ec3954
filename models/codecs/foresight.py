"""What error every block of a picture would have if it were sent with so many symbols: a small network beside the
encoder.

It learns along with the codec from the errors that occur. Its table is what symbols are shared out by among the blocks
of a picture (models/rate/allocation.py), at the transmitter.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.rate.levels import BLOCK

WIDTH = 96
DETAILS = 64
STRIDE = 8
LEAST_ENERGY = 1e-5
ENERGY_SCALE = 0.25  # natural logarithms of energies, some -10 to 2, as inputs of a network


class Foresight(nn.Module):
    """``forward(image float [B,3,H,W] in [0,1], side float [B,3]) -> float [B,levels,H/16,W/16]``, natural logarithm
    of the mean squared error of a block at each of ``levels``, which falls with every level. H and W are multiples of
    16. The third of the side, the share of the channels, is not read.

    It reads how strong each of 64 patterns of 8x8 pixels is in a block, as a logarithm, since that is what the
    logarithm of an error goes with.
    """

    def __init__(self, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.levels = levels
        self.details = nn.Conv2d(3 * STRIDE**2, DETAILS, 1, bias=False)
        self.energies = nn.Conv2d(DETAILS, WIDTH, 1)
        self.told = nn.Linear(2, WIDTH)
        self.mix = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.hidden = nn.Conv2d(WIDTH, WIDTH, 1)
        self.head = nn.Conv2d(WIDTH, len(levels), 1)

    def forward(self, image: Tensor, side: Tensor) -> Tensor:
        patches = nn.functional.pixel_unshuffle(2 * image - 1, STRIDE)
        energy = nn.functional.avg_pool2d(self.details(patches).square(), BLOCK)
        features = self.energies((energy + LEAST_ENERGY).log() * ENERGY_SCALE)
        features = (features + self.told(side[:, :2])[:, :, None, None]).relu()
        features = (features + self.mix(features)).relu()
        features = (features + self.hidden(features)).relu()
        table = self.head(features)
        first, further = table[:, :1], nn.functional.softplus(table[:, 1:])
        errors: Tensor = torch.cat((first, first - further.cumsum(dim=1)), dim=1)
        return errors
