"""A row's columns about the protected bits beside a picture: what was sent, what arrived."""

from typing import Any

from hil.language.note import Note, unpack
from hil.session.slot import Slot


def protected_facts(slot: Slot, user: int) -> tuple[dict[str, Any], dict[str, int]]:
    """Columns and events of one user; none for a burst without protected bits.

    Bits count as delivered where they arrived as they were sent, or, where the transmitter's word was lost, where their
    checksum is right.
    """
    sent = slot.sent.get(user)
    found = next((one for one in slot.received.users if one.user == user), None) if slot.received else None
    header = found.header if found else None
    if not (sent.bits_symbols if sent else header is not None and header.bits_symbols):
        return {}, {}
    arrived = found.protected if found else None
    delivered = arrived is not None and (sent is None or arrived == sent.protected)
    said, heard = _note(sent.protected if sent else None), _note(arrived)
    facts = {
        "bits_bytes": len(sent.protected) if sent else None,
        "bits_symbols": sent.bits_symbols if sent else header.bits_symbols if header else None,
        "bits_delivered": delivered,
        "caption": said.caption if said else None,
        "caption_received": heard.caption if heard else None,
        "label_sent": said.metadata.get("label") if said else None,
        "note": ({"identity": heard.identity} if heard.identity else {}) | heard.metadata if heard else {},
    }
    return facts, {} if delivered else {"bits_lost": 1}


def _note(data: bytes | None) -> Note | None:
    return None if data is None else unpack(data)
