"""Pictures whose blocks are sent with unequal numbers of symbols: how training draws them, and learns to foresee
them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from models.codecs.adaptive import AdaptiveCodec
from models.rate.allocation import allocate
from models.rate.levels import BLOCK, block_positions, spread
from models.rate.prefix import FINE
from models.training.adaptive.channel import AdaptiveFrame
from models.training.config import AdaptiveChannel

LEAST_POSITIONS = 64  # of a latent: smaller pictures are sent evenly
LEAST_ERROR = 1e-6
MAP_USES_A_BIT = FINE.uses_a_bit  # so that maps are as smooth as those that are sent


def unequal_frame(
    settings: AdaptiveChannel, codec: AdaptiveCodec, images: Tensor, frame: AdaptiveFrame, generator: torch.Generator
) -> tuple[AdaptiveFrame, Tensor]:
    """A drawn frame, in some batches with symbols shared out by what the codec foresees, off by ``allocation_error``
    of a factor e; and what it foresees, float [B, levels, blocks high, blocks wide].
    """
    rows, columns = frame.counts.shape[1:]
    foreseen: Tensor = codec.foresight(images, frame.encoder_side.to(images.device))
    even = float(torch.rand((), generator=generator)) >= settings.unequal
    levels = codec.foresight.levels
    nothing_to_share = rows * columns < LEAST_POSITIONS or int(frame.counts.max()) <= levels[0]
    if even or nothing_to_share or rows % BLOCK or columns % BLOCK:
        return frame, foreseen
    noise = torch.randn(foreseen.shape, generator=generator) * settings.allocation_error
    errors = (foreseen.detach().float().cpu() + noise).exp().numpy()
    positions = block_positions(rows, columns)
    counts = np.empty((len(images), *positions.shape), np.int64)
    for index, table in enumerate(errors):
        budget = int(frame.counts[index].sum())
        counts[index] = np.array(levels)[allocate(table, levels, positions, budget, MAP_USES_A_BIT)]
    return replace(frame, counts=torch.from_numpy(spread(counts, rows, columns).copy())), foreseen


def foresight_error(codec: AdaptiveCodec, foreseen: Tensor, frame: AdaptiveFrame, errors: Tensor) -> Tensor:
    """Mean squared error of the logarithm that was foreseen for each block at the level between which it was sent.

    errors: squared, float [B, h, w], of every position; foreseen: as `unequal_frame` gives it.
    """
    if frame.counts.shape[1] % BLOCK or frame.counts.shape[2] % BLOCK:
        return foreseen.sum() * 0
    levels = torch.tensor(codec.foresight.levels)
    counts = frame.counts[:, None, ::BLOCK, ::BLOCK]
    upper = torch.searchsorted(levels, counts.contiguous()).clamp(1, len(levels) - 1)
    below, above = levels[upper - 1], levels[upper]
    place = ((counts - below) / (above - below)).clamp(0, 1).to(foreseen.device)
    upper = upper.to(foreseen.device)
    expected = foreseen.gather(1, upper - 1) * (1 - place) + foreseen.gather(1, upper) * place
    happened = nn.functional.avg_pool2d(errors[:, None], BLOCK).clamp_min(LEAST_ERROR).log()
    return (expected.float() - happened).square().mean()
