"""What a modality other than pictures is: load, encode, decode, score, show. numpy only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LARGEST_NUMBER = 65535  # of the two that a burst's header has for an item's size


@dataclass(frozen=True)
class Item:
    """What one user sends in one frame. values: float32 of any shape; height, width: whole numbers from 0 to 65535
    that the burst's header carries, from which the receiver knows how many symbols there are and what they stand for
    (of a picture its sides in pixels; a modality may put anything there).
    """

    item_id: str
    values: NDArray[np.float32]
    height: int
    width: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def content(self) -> Item:
        """What the modality's encoder takes."""
        return self

    @property
    def original_size(self) -> tuple[int, int]:
        """Before any reduction: items are sent as they are loaded."""
        return self.size


@dataclass(frozen=True)
class Shown:
    """A file that shows an item. suffix: ".wav" gets a player in the report, ".txt" is shown as text, ".png" as a
    picture. picture: uint8 [H, W, 3] for pages that show pictures only, or None.
    """

    suffix: str
    content: bytes
    picture: NDArray[np.uint8] | None = None


class Modality(ABC):
    """One kind of content. The receiver knows of an item its two numbers and its noisy symbols, and nothing else.

    name: as configurations and result rows have it; score_name, score_unit: of what `score` gives, higher is better.
    A transmitter calls `load`, `uses` and `encode` and has no torch: import what needs it inside `score`.
    """

    name: str
    score_name: str
    score_unit: str

    @abstractmethod
    def load(self, source: str) -> Sequence[Item]:
        """The items of a source, in an order that is the same on every machine; at least one. ModelError, one
        sentence, for a source that cannot be read.
        """

    @abstractmethod
    def uses(self, height: int, width: int) -> int:
        """Complex symbols of an item with these two numbers, at least 1. ModelError where no item has such numbers."""

    @abstractmethod
    def encode(self, item: Item, sinr_db: float) -> NDArray[np.complex64]:
        """complex [uses], of any power: it is scaled to unit mean power. sinr_db: expected at the receiver."""

    @abstractmethod
    def decode(self, symbols: NDArray[np.complex64], height: int, width: int, sinr_db: float) -> NDArray[np.float32]:
        """Noisy symbols complex64 [uses] of unit mean power, noise included -> values, shaped as the item's.

        sinr_db: of the symbols, as measured. The least mean square error is at sqrt(s / (1 + s)) times the symbols,
        s the SINR as a ratio, if the symbols were sent with unit power (`least_error`).
        """

    @abstractmethod
    def score(self, sent: NDArray[np.float32], received: NDArray[np.float32]) -> float | None:
        """How good `received` is; None where that is not defined."""

    @abstractmethod
    def show(self, values: NDArray[np.float32]) -> NDArray[np.uint8] | Shown:
        """A picture uint8 [H, W, 3] of the values, or a file."""

    def lost(self, sent: NDArray[np.float32]) -> NDArray[np.float32]:
        """What a user has of an item that did not arrive: silence."""
        return np.zeros_like(sent)


class Items:
    """A modality's items as transmitters ask for them."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Item:
        return self._items[index]

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def sizes(self, indices: Sequence[int]) -> list[tuple[int, int]]:
        """The two numbers of these items."""
        return [self._items[index].size for index in indices]


def least_error(symbols: NDArray[np.complex64], sinr_db: float) -> NDArray[np.complex64]:
    """Received symbols of unit mean power -> the linear estimate of the sent ones with the least mean square error.

    With y = (x + n) / sqrt(1 + 1/s), E|x|^2 = 1 and s = E|x|^2 / E|n|^2, E[x y*] = sqrt(s / (1 + s)).
    """
    sinr = 10 ** (sinr_db / 10)
    return (symbols * np.sqrt(sinr / (1 + sinr))).astype(np.complex64)
