"""The pictures of a burst that carries several of every user, each as if it had been received alone."""

from dataclasses import replace

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.reception.frame import ReceivedFrame, ReceivedUser


def header_of_picture(header: FrameHeader, place: int) -> FrameHeader:
    """The header that picture `place` would have in a burst of its own.

    `picture`, a number that only its transmitter's source explains, stays the first one's.
    """
    return replace(header, frame=header.frame + place, n_symbols=header.n_symbols // header.pictures, pictures=1)


def picture_of(frame: ReceivedFrame, grid: ResourceGrid, place: int, pictures: int) -> ReceivedFrame:
    """A burst that should carry so many pictures of every user, as the one with picture `place` alone.

    Channels, offsets and alignments are the whole burst's. A user whose header tells of another number of pictures has
    no features, and a reason.
    """
    return replace(frame, users=tuple(_picture_of_user(user, grid, place, pictures) for user in frame.users))


def _picture_of_user(user: ReceivedUser, grid: ResourceGrid, place: int, pictures: int) -> ReceivedUser:
    header = user.header
    if header is None or header.n_symbols == 0:
        return user
    if header.pictures != pictures or header.n_symbols % pictures:
        nothing = np.zeros(0, np.complex64)
        reason = f"the header tells of {header.n_symbols} symbols of {header.pictures} pictures instead of {pictures}"
        return replace(user, features=nothing, quality=None, reason=user.reason or reason)
    own = header_of_picture(header, place)
    if not user.features.size:
        return replace(user, header=own)
    first, behind = place * own.n_symbols, (place + 1) * own.n_symbols
    return replace(
        user,
        header=own,
        features=user.features[first:behind],
        quality=None if user.quality is None else user.quality.part(grid.symbols_with(first, behind)),
        protected=(user.protected, *user.protected_behind)[place] if place <= len(user.protected_behind) else None,
        protected_behind=(),
    )
