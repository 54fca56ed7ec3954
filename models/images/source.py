"""A picture, and what every source of pictures does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Split = Literal["all", "train", "test"]


@dataclass(frozen=True)
class Picture:
    """pixels: uint8 [H, W, 3], RGB; original_size: (height, width) in the file, before any downsizing."""

    image_id: str
    pixels: NDArray[np.uint8]
    original_size: tuple[int, int]

    @property
    def item_id(self) -> str:
        """The id, as items of every modality have one."""
        return self.image_id

    @property
    def values(self) -> NDArray[np.uint8]:
        """The pixels: what the receiver's result is compared with."""
        return self.pixels

    @property
    def content(self) -> NDArray[np.uint8]:
        """The pixels: what an encoder takes."""
        return self.pixels

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) that the burst's header carries."""
        return self.pixels.shape[0], self.pixels.shape[1]


class ImageSource(ABC):
    """A fixed, ordered set of pictures; the order and the ids are the same on every machine."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Picture:
        """Picture ``index``; IndexError outside the range, ModelError naming the file when it cannot be
        read.
        """

    @abstractmethod
    def sizes(self, indices: Sequence[int]) -> list[tuple[int, int]]:
        """(height, width) that ``self[i].pixels`` will have, without decoding pixels where that is
        possible.
        """

    def check(self) -> None:
        """Read every picture once; ModelError naming the first that is broken."""
        for index in range(len(self)):
            self[index]

    def __iter__(self) -> Iterator[Picture]:
        return (self[index] for index in range(len(self)))
