"""A modality's symbols on the channel uses that all users share, as transmitters and receivers ask for them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.modality.base import LARGEST_NUMBER, Item, Items, Modality, Shown
from models.sharing import Sharing
from models.side_information import SideInformation


class SharedModality:
    """One modality for the users of a run: its symbols stand on the channels of a payload that `sharing` gives a user.

    all_channels: complex channels C of a payload, as `models.sharing` has them. The last symbols are padded with zeros
    to fill the channels; every user's payload of one item has the same length.
    """

    refined = False  # refiners know pictures
    header_kind = "content"

    def __init__(self, modality: Modality, sharing: Sharing, users: int, all_channels: int) -> None:
        self.modality, self.sharing, self.all_channels = modality, sharing, all_channels
        self.name, self.score_name, self.score_unit = modality.name, modality.score_name, modality.score_unit
        self._users = users
        self._least_own = min(sharing.own_channels(user, users, all_channels).size for user in range(users))

    def load(self, source: str) -> Items:
        """ModelError for a source without items, or an item whose symbols or numbers cannot be sent."""
        if not source:
            raise ModelError(f"nothing says where {self.name} comes from; name its source.")
        items = self.modality.load(source)
        if not len(items):
            raise ModelError(f"{source} holds nothing that {self.name} could send.")
        return Items(items)

    def check(self, items: Sequence[Item] | Items) -> None:
        """Encode every item once. ModelError names the first that cannot be sent."""
        for item in items:
            self.encode(item, 0, SideInformation.default(self._users))

    def channel_uses(self, height: int, width: int, sharing: Sharing | None = None) -> int:
        """Symbols of a payload, those on which the user is silent included. sharing: is this run's."""
        return self._sites(self.modality.uses(height, width)) * self.sharing.payload_channels(self.all_channels)

    def encode(
        self, item: Item, user: int, side: SideInformation, sharing: Sharing | None = None
    ) -> NDArray[np.complex64]:
        """complex64 [k] of unit mean power. sharing: is this run's; here it is known already."""
        if not all(0 <= number <= LARGEST_NUMBER for number in item.size):
            raise ModelError(f"{item.item_id} has the numbers {item.size}, but a header carries 0 to {LARGEST_NUMBER}.")
        symbols = np.asarray(self.modality.encode(item, self._sinr_db(side, user)))
        wanted = self.modality.uses(*item.size)
        if symbols.shape != (wanted,) or not np.isfinite(symbols).all():
            raise ModelError(
                f"{self.name} made symbols of the shape {list(symbols.shape)} of {item.item_id}, finite: "
                f"{bool(np.isfinite(symbols).all())}; {wanted} finite ones are needed."
            )
        own = self.sharing.own_channels(user, self._users, self.all_channels).size
        if not symbols.any():  # nothing but zeros, as of silence, would have no power to scale
            symbols = np.ones_like(symbols)
        filled = np.zeros(own * self._sites(wanted), np.complex64)
        filled[:wanted] = symbols
        return self.sharing.place(filled.reshape(own, -1), user, self._users, self.all_channels)

    def decode(
        self,
        features: NDArray[np.complex64],
        user: int,
        side: SideInformation,
        height: int,
        width: int,
        sharing: Sharing | None = None,
    ) -> NDArray[np.float32]:
        """Features complex64 [k], the receiver's view of a user's payload -> values; ModelError where k is wrong."""
        if features.shape != (self.channel_uses(height, width),):
            raise ModelError(f"{self.name} of the numbers {height}, {width} needs {self.channel_uses(height, width)} "
                             f"symbols, but {features.size} are there.")  # fmt: skip
        symbols = self.sharing.pick(features, user, self._users, self.all_channels).ravel()
        symbols = symbols[: self.modality.uses(height, width)]
        power = float(np.mean(np.abs(symbols) ** 2, dtype=np.float64))
        symbols = (symbols / np.sqrt(max(power, 1e-30))).astype(np.complex64)
        return np.asarray(self.modality.decode(symbols, height, width, self._sinr_db(side, user)), np.float32)

    def finish(self, decoded: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values are finished as they are decoded."""
        return decoded

    def score(self, sent: NDArray[np.float32], received: NDArray[np.float32]) -> float | None:
        """In `score_unit`; None where it is not defined, or the shapes differ."""
        if sent.shape != received.shape:
            return None
        score = self.modality.score(sent, received)
        return float(score) if score is not None and math.isfinite(score) else None

    def lost(self, sent: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.modality.lost(sent)

    def show(self, values: NDArray[np.float32]) -> NDArray[np.uint8] | Shown:
        return self.modality.show(values)

    def _sites(self, symbols: int) -> int:
        return math.ceil(symbols / self._least_own)

    def _sinr_db(self, side: SideInformation, user: int) -> float:
        informed = self.sharing.informed(side, self.all_channels)
        assert informed.sinr_db is not None
        return float(informed.sinr_db[user])
