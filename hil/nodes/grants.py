"""What a grant says: the channel as far as it has been learnt, the transmitters' corrections, how users share."""

from collections import deque
from collections.abc import Collection, Mapping

from hil.bus.messages import CsiReport, Grant, Hello
from hil.config import RunConfig
from hil.session.burst.next import NextBurst
from hil.session.burst.plan import Burst
from hil.session.control import SessionControl
from hil.session.semantic_control import SemanticControl
from hil.session.sharing_control import SharingControl, open_chooser

MOST_WAITING = 64  # reports that have not been learnt from
MOST_UNANSWERED = 4  # grants that are kept for a node that comes back


class Grants:
    """A run's grants, made of the receiver's reports in the order of their slots."""

    def __init__(self, config: RunConfig) -> None:
        self._control: SessionControl | None = None
        self._sharing = SemanticControl(config, SharingControl(config, open_chooser(config)))
        self._next = NextBurst(config)
        self._config, self._repeats = config, False
        self._reports: deque[CsiReport] = deque(maxlen=MOST_WAITING)
        self._unanswered: dict[int, Grant] = {}
        self.reported_slot = -1  # the newest that the receiver has reported, learnt from or not
        self.csi: CsiReport | None = None  # the newest that was learnt from and has users

    def begin(self, transmitters: Mapping[int, Hello], repeats: bool) -> None:
        """transmitters: by user; repeats: their radios repeat a slot until the next one."""
        self._control, self._repeats = SessionControl(self._config, dict(transmitters), repeats), repeats

    def take(self, report: CsiReport) -> None:
        """A report, to be learnt from when its turn comes; one that is told again has been learnt from."""
        if report.slot > self.reported_slot:
            self.reported_slot = report.slot
            self._reports.append(report)

    def expect(self, slot: int) -> None:
        """A slot is granted, perhaps once more: a report on it counts."""
        self.reported_slot = slot - 1

    def learn(self, slot: int, lost_users: set[int]) -> None:
        """From the reports on slots up to this one, in their order; later ones wait, however early they are here."""
        assert self._control is not None
        known = sorted((report for report in self._reports if report.slot <= slot), key=lambda report: report.slot)
        for report in known:
            self._reports.remove(report)
            self._control.take(report)
            self._sharing.take(report, lost_users)
            self._next.take(report, lost_users)
            if report.users and (self.csi is None or report.slot >= self.csi.slot):
                self.csi = report

    def make(
        self, slot: int, slot_tick: int, burst: Burst | None, lost_users: Collection[int], last_attempt: bool
    ) -> Grant:
        """The grant of a slot, of a sounding probe where there is no burst."""
        assert self._control is not None
        grant = Grant(
            slot=slot,
            slot_tick=slot_tick,
            csi=self.csi,
            lost_users=sorted(lost_users),
            last_attempt=last_attempt,
            commands=self._control.commands(slot, slot_tick, burst is None, set(lost_users)),
            sharing=self._sharing.choice(),
            **self._next.granted(burst, self._repeats),
        )
        self._unanswered[slot] = grant
        for old in sorted(self._unanswered)[:-MOST_UNANSWERED]:
            del self._unanswered[old]
        return grant

    def unanswered(self) -> list[Grant]:
        """Those of slots that the receiver has not reported, oldest first: what a node that comes back has missed."""
        return [grant for slot, grant in sorted(self._unanswered.items()) if slot > self.reported_slot]
