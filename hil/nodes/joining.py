"""Waiting for the nodes of a run: a node that shows signs of life is slow, not absent."""

import time
from collections.abc import Callable, Iterable

PATIENCE = 10  # timeouts at most that a node which is alive may take to get ready


class Joining:
    """Which nodes have been heard before they joined, and when waiting for the others has lasted too long.

    timeout_s: without any sign of life or a node that joins; in all `PATIENCE` times as long. clock: monotonic seconds.
    """

    def __init__(self, timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeout_s, self._clock = timeout_s, clock
        self._began_s = clock()
        self._heard_s: dict[str, float] = {}

    def heard(self, name: str) -> None:
        """A message of that node: its process lives and reaches the coordinator."""
        self._heard_s[name] = self._clock()

    def overdue(self, absent: Iterable[str]) -> str | None:
        """A sentence that names the absent nodes and what is known of each; None while they are worth waiting for.

        Only absent nodes count: those that joined long ago do not make a dead one younger.
        """
        now, names = self._clock(), list(absent)
        last_s = max([self._began_s, *(self._heard_s.get(name, self._began_s) for name in names)])
        if now - last_s <= self._timeout_s and now - self._began_s <= PATIENCE * self._timeout_s:
            return None
        states = "; ".join(self._state(name, now) for name in names)
        return f"{', '.join(names)} did not join within {now - self._began_s:.0f} s: {states}."

    def _state(self, name: str, now: float) -> str:
        if name not in self._heard_s:
            return f"{name} was never heard (is it started, with this bus and its keys? its log says more)"
        silent_s = now - self._heard_s[name]
        if silent_s > self._timeout_s / 2:
            return f"{name} was heard last {silent_s:.0f} s ago, before it was ready: it ended or hangs"
        return f"{name} lives but is not ready yet: give a larger bus.join_timeout_s, or free the machine"
