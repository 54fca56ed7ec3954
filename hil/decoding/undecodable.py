"""Why a burst that was received is no picture's."""

import numpy as np

from hil.decoding.payload import too_damaged
from hil.session import mirror
from hil.session.slot import Slot
from models.errors import ModelError
from models.modality.halves import Half
from models.sharing import Sharing
from radio.waveform.reception.frame import ReceivedUser


def undecodable(
    decoder: Half,
    slot: Slot,
    user: int,
    found: ReceivedUser | None,
    kind: str = "image",
    sharing: Sharing | None = None,
) -> str | None:
    """Why a user's burst cannot be decoded, or None. The header is checked before any memory is taken."""
    if user in slot.grant.lost_users:
        return "its transmitter is lost"
    if mirror.EVENT in slot.events:
        return mirror.REMEDY
    if found is None or not (found.detected or found.features.size):
        return (found.reason if found else None) or "not detected"
    header = found.header
    if header is None:
        return found.reason or "the header's checksum failed"
    if header.pictures != 1:
        return found.reason or f"the header tells of {header.pictures} pictures in its burst"
    if header.kind != kind or header.user != user or header.frame != slot.grant.frame:
        return f"the header names frame {header.frame}, user {header.user} ({header.kind})"
    if kind == "image" and min(header.height, header.width) < 1:
        return f"the header names a picture of {header.width}x{header.height} pixels"
    if found.reason and not found.features.size:
        return found.reason
    try:
        uses = decoder.channel_uses(header.height, header.width, sharing)
    except ModelError as error:
        return f"the header names what cannot be: {error}".rstrip(".")
    if header.n_symbols != uses or found.features.size != uses:
        what = "picture" if kind == "image" else "item"
        return f"{found.features.size} symbols received, {uses} are needed for this {what}"
    if not np.all(np.isfinite(found.features)):
        return "the equalised symbols are not finite"
    return too_damaged(found)
