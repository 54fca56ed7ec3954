"""What some messages are made of."""

from typing import Annotated

import msgspec

from hil.bus.bounds import Number, Protected, Side

MOST_RUNS = 4096  # of items of one size; a source that changes more often has one picture a burst


class Capture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A live picture's way to the air: seconds of the transmitter's monotonic clock.

    number: in its source; position_s: in the source's own time; dropped: pictures since the one sent before that nobody
    sees; repeated: the one before it, as no other had come. machine: whose clock it is; offset_s: what is added to it
    to have the coordinator's, known to within uncertainty_s; None: not measured yet.
    """

    number: Number
    position_s: float
    captured_s: float
    ready_s: float
    taken_s: float
    encoded_s: float
    machine: str
    dropped: Number = 0
    repeated: bool = False
    offset_s: float | None = None
    uncertainty_s: float | None = None


class ItemRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many frames in a row whose items have the same numbers in their headers and as many channel uses."""

    frames: Number
    height: Side
    width: Side
    channel_uses: Number


class SentItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a picture behind the first of its burst has for itself; see `Sent`."""

    picture: Number = 0
    image_id: str = ""
    original_height: Number = 0
    original_width: Number = 0
    protected: Protected = b""


ItemRuns = Annotated[list[ItemRun], msgspec.Meta(max_length=MOST_RUNS)]
SentItems = Annotated[list[SentItem], msgspec.Meta(max_length=255)]
