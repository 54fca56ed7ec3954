"""What a node knows of its coordinator's presence. Pure bookkeeping: monotonic seconds come in as arguments."""

import math
from dataclasses import dataclass, field

GONE_S = 1.0  # a coordinator whose connection broke, and where nobody has answered for so long, is dead


@dataclass(frozen=True)
class Silence:
    """The coordinator is not heard. gone: its process has ended; else it may be frozen, or its link cut."""

    reason: str
    gone: bool


@dataclass
class Presence:
    """heard_s: when the coordinator was last heard, at first the beginning; heard: whether it was at all.

    silent: whether it has now not been heard for timeout_s. gone: whether its process has ended.
    """

    endpoint: str
    timeout_s: float
    heard_s: float
    heard: bool = False
    silent: bool = False
    gone: bool = False
    _cut_s: float | None = field(default=None, init=False)  # since when the connection is broken
    _told_s: float = field(default=-math.inf, init=False)

    @property
    def led_s(self) -> float:
        """When the coordinator was last known to lead: long ago as soon as its connection is broken."""
        return self.heard_s if self._cut_s is None else -math.inf

    def hear(self, now_s: float) -> None:
        """A message of the coordinator has come."""
        self.heard_s, self.heard, self.silent = now_s, True, False

    def connected(self) -> None:
        """The connection stands, for the first time or again."""
        self._cut_s, self.gone = None, False

    def disconnected(self, now_s: float) -> None:
        """The connection is broken."""
        if self._cut_s is None:
            self._cut_s = now_s

    def news(self, now_s: float) -> Silence | None:
        """That the coordinator has gone, or has (again) been silent for timeout_s, said once each."""
        if self.heard and not self.gone and self._cut_s is not None and now_s - self._cut_s > GONE_S:
            self.gone = True
            return Silence(f"the coordinator at {self.endpoint} has gone", gone=True)
        if now_s - max(self.heard_s, self._told_s) > self.timeout_s:
            self.silent, self._told_s = True, now_s
            return Silence(f"the coordinator at {self.endpoint} has been silent for {self.timeout_s:g} s", gone=False)
        return None
