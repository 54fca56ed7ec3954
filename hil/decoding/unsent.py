"""Pictures that had no chance: not sent, or sent while the receiver's radio was not listening.

They are held back, so that the frame can be sent again, and recorded with their reason when it was not. A picture
that the channel has spoilt is a result: sending it again would choose the channel.
"""

from collections.abc import Iterable

from hil.decoding.frame_decoder import DecodedFrame
from hil.results.rows import ResultRow
from hil.session.slot import Slot


def unsent_reason(slot: Slot, user: int) -> str | None:
    """Why this user's picture had no chance in this slot, or None."""
    sent = slot.sent.get(user)
    if user in slot.grant.lost_users or user in slot.lost:
        return "its transmitter is lost"
    if sent is None:
        return "its transmitter did not say that it was sent"
    if sent.events.get("late"):
        return "it came too late to be sent"
    if sent.events.get("unled"):
        return "nobody coordinated its transmitter"
    if slot.events.get("overflow"):
        return "the receiver's radio lost its samples"
    return None


class HeldBack:
    """Rows of pictures without a chance, by frame and user."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, int], ResultRow] = {}

    def take(self, frame: DecodedFrame) -> list[int]:
        """Take them out of a frame that is to be recorded; their users. What is recorded now is held back no longer."""
        users = []
        for user, (row, _) in list(frame.made.items()):
            reason = None if row.decoded else unsent_reason(frame.slot, user)
            if reason is None:
                self._rows.pop((row.frame, user), None)
                continue
            row.reason = reason
            self._rows[row.frame, user] = row
            users.append(user)
            del frame.made[user]
        return users

    def release(self) -> Iterable[ResultRow]:
        """Those that nobody will send again, in their order."""
        rows = [self._rows[key] for key in sorted(self._rows)]
        self._rows.clear()
        return rows
