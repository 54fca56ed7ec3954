"""What the pictures of one burst have in common while they are decoded."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hil.decoding.cancellation import View
from hil.decoding.ideal import IdealReception
from hil.decoding.payload import separated_side
from hil.decoding.pictures import ReceivedPictures
from hil.session.burst.training import waveform_of
from hil.session.slot import Slot
from models.modality.halves import Receiving
from models.rate.prefix import MapLost
from models.sharing import Sharing
from models.side_information import SideInformation
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.frame import ReceivedFrame
from radio.waveform.reception.several import picture_of


@dataclass(frozen=True)
class Tried:
    """One picture that is to be decoded. features: complex64 [k]; size: the header's two numbers; reason: why it cannot
    be; facts: its row's columns; pictures: "original".
    """

    slot: Slot
    features: np.ndarray
    size: tuple[int, int]
    side: SideInformation
    reason: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, Any] = field(default_factory=dict)

    @property
    def pixels(self) -> int:
        return self.size[0] * self.size[1]


def decode_together(
    modality: Receiving, tries: Sequence[Tried], user: int, sharing: Sharing | None
) -> list[np.ndarray | str]:
    """One user's pictures, in their order; several of one size go through the codec together. In place of a picture
    that cannot be decoded, why.
    """
    if len(tries) > 1 and isinstance(modality, ReceivedPictures) and len({one.size for one in tries}) == 1:
        features, sides = [one.features for one in tries], [one.side for one in tries]
        with contextlib.suppress(MapLost):  # then one by one, to know whose it is
            return [*modality.decode_all(features, user, sides, *tries[0].size, sharing)]
    return [_decoded(modality, one, user, sharing) for one in tries]


def _decoded(modality: Receiving, one: Tried, user: int, sharing: Sharing | None) -> np.ndarray | str:
    try:
        return modality.decode(one.features, user, one.side, *one.size, sharing)
    except MapLost as lost:
        return str(lost).rstrip(".")


def received_of(view: View, slot: Slot, grid: ResourceGrid) -> ReceivedFrame:
    """What a view of a whole burst shows of the slot's picture."""
    if slot.burst is None:
        return view.received
    return picture_of(view.received, grid, slot.place, slot.burst.grant.pictures)


def ideal_try(
    ideal: IdealReception,
    slot: Slot,
    user: int,
    side: SideInformation,
    modality: Receiving,
    size: tuple[int, int],
    grid: ResourceGrid,
) -> Tried:
    """The slot's picture of one user out of an ideal reception of its whole burst. side: without the payload's word."""
    own = {number: slice(slot.place * one.size, (slot.place + 1) * one.size) for number, one in slot.symbols.items()}
    qualities = {
        number: one.part(grid.symbols_with(own[number].start, own[number].stop))
        for number, one in ideal.qualities.items()
    }
    return Tried(slot, ideal.features[user][own[user]], size, separated_side(side, qualities, modality))


def burst_facts(waveform: WaveformConfig, slot: Slot) -> dict[str, Any]:
    """A row's columns: how many pictures of a user its burst had, and what part of it was no payload; the longest
    user's counts."""
    whole = slot.burst or slot
    grid = ResourceGrid(waveform_of(waveform, whole.grant))
    headers: list[FrameHeader] = list(whole.told_headers().values())
    if not headers and whole.received is not None:
        headers = [one.header for one in whole.received.users if one.header is not None]
    longest = max((grid.carrying(one.all_bits_symbols).burst_length(one.n_symbols) for one in headers), default=0)
    overhead = grid.payload_start / longest if longest > grid.payload_start else None
    return {"burst_pictures": whole.grant.pictures, "overhead": overhead}
