"""The two halves of every modality as nodes ask for them, pictures among them.

Pictures: `models.runtime.encoder.SemanticEncoder` sends, `hil.decoding.pictures.ReceivedPictures` receives. Every other
modality: `models.modality.shared.SharedModality` does both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.modality.base import Shown
from models.sharing import Sharing
from models.side_information import SideInformation


class Half(Protocol):
    """sharing: None for a codec with one fixed way; all_channels: complex channels of a payload."""

    @property
    def sharing(self) -> Sharing | None: ...

    @property
    def all_channels(self) -> int: ...

    def channel_uses(self, height: int, width: int, sharing: Sharing | None = None, /) -> int:
        """k of an item with these two numbers; sharing: of a frame, where it is not the run's."""


class Sending(Half, Protocol):
    """What a transmitter needs. torch-free."""

    def encode(
        self, image: Any, user: int, side: SideInformation, sharing: Sharing | None = None, /
    ) -> NDArray[np.complex64]:
        """An item's content -> complex64 [k] of unit mean power."""


@runtime_checkable
class SendingSeveral(Protocol):
    """What a transmitter's half may have besides: several items of one burst cost less together."""

    def encode_all(
        self, images: Sequence[Any], user: int, side: SideInformation, sharing: Sharing | None = None, /
    ) -> list[NDArray[np.complex64]]:
        """As many calls of `encode`."""


class Receiving(Half, Protocol):
    """What a receiver needs. header_kind: what a burst's header must name; refined: whether refiners know it;
    score_name, score_unit: of what `score` gives, higher is better.
    """

    name: str
    score_name: str
    score_unit: str
    header_kind: str
    refined: bool

    def decode(
        self,
        features: NDArray[np.complex64],
        user: int,
        side: SideInformation,
        height: int,
        width: int,
        sharing: Sharing | None = None,
        /,
    ) -> NDArray[np.float32]:
        """Features complex64 [k] -> what a refiner takes, or `finish`."""

    def finish(self, decoded: NDArray[np.float32], /) -> NDArray[Any]:
        """Values as the original has them."""

    def score(self, sent: NDArray[Any], received: NDArray[Any], /) -> float | None:
        """Quality in `score_unit`; None where it is not defined."""

    def lost(self, sent: NDArray[Any], /) -> NDArray[Any]:
        """What a user has of an item that did not arrive."""

    def show(self, values: NDArray[Any], /) -> NDArray[np.uint8] | Shown:
        """A picture uint8 [H, W, 3], or a file."""
