"""Pictures that had no chance: not sent, or sent while the receiver's radio was not listening.

They are held back, so that the frame can be sent again, and recorded with their reason when it was not. So are pictures
whose transmitters froze or died before they told what they sent: they came, and cannot be scored. A picture that the
channel has spoilt is a result: sending it again would choose the channel.
"""

from collections.abc import Iterable
from typing import Any

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
    """Rows of pictures without a chance, and of those that came but whose original did not, by frame and user.

    told: whether transmitters tell what they send; without, as on recordings of others, nothing is missed.
    """

    def __init__(self, told: bool = True) -> None:
        self._told = told
        self._made: dict[tuple[int, int], tuple[ResultRow, dict[str, Any]]] = {}

    def take(self, frame: DecodedFrame) -> list[int]:
        """Take them out of a frame that is to be recorded; their users. What is recorded now is held back no longer."""
        users = []
        for user, (row, pictures) in list(frame.made.items()):
            untold = self._told and row.decoded and user not in frame.slot.sent  # nothing to compare it with
            reason = None if row.decoded else unsent_reason(frame.slot, user)
            if reason is None and not untold:
                self._made.pop((row.frame, user), None)
                continue
            row.reason = reason
            self._made[row.frame, user] = row, pictures
            users.append(user)
            del frame.made[user]
        return users

    def release(self) -> Iterable[tuple[ResultRow, dict[str, Any]]]:
        """Those that nobody will send again, in their order, with their pictures."""
        made = [self._made[key] for key in sorted(self._made)]
        self._made.clear()
        return made
