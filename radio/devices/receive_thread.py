"""What every thread that receives without end shares: its ring of samples, its box of events, its end."""

import threading

from radio.samples import EventKind, RadioEvent
from radio.streaming import SampleRing


class ReceiveThread(threading.Thread):
    """A subclass fills `ring` in `run` until `_stopped` is set, and notes events."""

    def __init__(self, uri: str, ring: SampleRing) -> None:
        super().__init__(name=f"receive-{uri}", daemon=True)
        self.ring, self._uri = ring, uri
        self._stopped, self._lock = threading.Event(), threading.Lock()
        self._events: list[RadioEvent] = []

    def note(self, kind: EventKind, count: int = 1, merge: bool = False) -> None:
        """An event where the ring ends now. merge: add its count to the last event where that is of the same kind."""
        with self._lock:
            last = self._events[-1] if merge and self._events else None
            if last is not None and last.kind == kind:
                self._events[-1] = RadioEvent(kind, last.tick, last.count + count)
            else:
                self._events.append(RadioEvent(kind, self.ring.end_tick, count))

    def take_events(self) -> list[RadioEvent]:
        """Those since the last call."""
        with self._lock:
            events, self._events = self._events, []
        return events

    def stop(self) -> None:
        """End the thread; who waits for samples hears that the radio is closed."""
        self._stopped.set()
        self.ring.fail(f"{self._uri} is closed.")
        if self.is_alive():
            self.join(5.0)
