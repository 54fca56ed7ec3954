"""The frames that every scheme is measured on: which pictures, over which channel, with which noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.codecs.channel import ChannelMode, draw_channel
from models.images import ImageSource, Picture


@dataclass(frozen=True)
class Frame:
    """One use of the channel by all users.

    pictures: uint8 [users, H, W, 3]; counted: how many of them are new (the last frame of a size is filled up with
    pictures that were measured before); channel: h, complex64 [antennas, users, 1 or k]; noise_seed: of this frame;
    captions: what the receiver is told of each picture, "" for nothing; () where there are none.
    """

    pictures: NDArray[np.uint8]
    counted: int
    channel: Tensor
    noise_seed: int
    captions: tuple[str, ...] = ()


@dataclass(frozen=True)
class PictureGroup:
    """Pictures of one size. indices: of each in its source; pixels: uint8 [n, H, W, 3]."""

    image_ids: tuple[str, ...]
    indices: tuple[int, ...]
    pixels: NDArray[np.uint8]


def same_size_groups(source: ImageSource, limit: int | None = None) -> list[PictureGroup]:
    """The first ``limit`` pictures by size."""
    groups: dict[tuple[int, ...], list[tuple[int, Picture]]] = {}
    for index in range(min(len(source), limit or len(source))):
        picture = source[index]
        groups.setdefault(picture.pixels.shape, []).append((index, picture))
    return [
        PictureGroup(
            tuple(one.image_id for _, one in group),
            tuple(index for index, _ in group),
            np.stack([one.pixels for _, one in group]),
        )
        for group in groups.values()
    ]


def frames_of(
    pictures: NDArray[np.uint8],
    mode: ChannelMode,
    users: int,
    channel_uses: int,
    seed: int,
    antennas: int = 1,
    captions: Sequence[str] = (),
) -> Iterator[Frame]:
    """Every picture of uint8 [n, H, W, 3] once, ``users`` in each frame; draws depend on seed and position only.

    captions: of each picture, or none at all.
    """
    for start in range(0, len(pictures), users):
        rows = np.arange(start, start + users)
        channel_seed, noise_seed = (
            int(part.generate_state(1, np.uint64)[0] >> 2) for part in np.random.SeedSequence([seed, start]).spawn(2)
        )
        generator = torch.Generator().manual_seed(channel_seed)
        channel = draw_channel(mode, antennas, users, channel_uses, generator)
        counted = min(users, len(pictures) - start)
        told = tuple(captions[int(row)] for row in rows % len(pictures)) if captions else ()
        yield Frame(pictures[rows % len(pictures)], counted, channel, noise_seed, told)
