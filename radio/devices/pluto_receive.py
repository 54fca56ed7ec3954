"""The thread that empties a Pluto's receive buffers, and connects again when the link breaks."""

import threading
import time
from collections.abc import Callable

from radio.devices.pluto_link import OVERFLOW_BIT, PlutoLink
from radio.devices.pluto_samples import from_adc
from radio.devices.pluto_send import end_thread
from radio.errors import RadioError
from radio.samples import EventKind, RadioEvent
from radio.streaming import SampleRing

KERNEL_BUFFERS = 4
_STATUS_EVERY_S = 0.25


class PlutoReceiver(threading.Thread):
    """Fills `ring` until stopped. reopen: makes a new, configured link or raises RadioError."""

    def __init__(
        self, link: PlutoLink, ring: SampleRing, buffer_samples: int, sample_rate_hz: float,
        reopen: Callable[[], PlutoLink],
    ) -> None:  # fmt: skip
        super().__init__(name=f"receive-{link.uri}", daemon=True)
        self.link, self._ring, self._reopen = link, ring, reopen
        self._n, self._rate_hz = buffer_samples, sample_rate_hz
        self._stopped = threading.Event()
        self._events: list[RadioEvent] = []
        self._lock = threading.Lock()
        self._buffer = link.open_buffer(buffer_samples)

    def run(self) -> None:
        try:
            while not self._stopped.is_set():
                try:
                    self._stream()
                except (OSError, RadioError) as error:
                    self._buffer = None
                    if not self._stopped.is_set():
                        self._connect_again(error)
        except RadioError as error:
            self._ring.fail(str(error))
        finally:
            self._buffer = None  # before its context

    def _stream(self) -> None:
        for _ in range(KERNEL_BUFFERS + 1):  # what was sampled before the device was tuned
            self._buffer.refill()
        looked_s = began_s = time.monotonic()
        received = 0
        while not self._stopped.is_set():
            self._buffer.refill()
            data, clipped = from_adc(self._buffer.read(), self.link.channels)
            if clipped:
                self._note(EventKind.CLIPPED, clipped)
            self._ring.append(data)
            received += data.shape[1]
            now_s = time.monotonic()
            if now_s - looked_s > _STATUS_EVERY_S:
                looked_s = now_s
                if self.link.take_status() & OVERFLOW_BIT:
                    lost = int((now_s - began_s) * self._rate_hz) - received
                    self._note(EventKind.OVERFLOW, max(1, lost))
                    received += max(0, lost)
                if not self.link.locked():
                    self._note(EventKind.LOST_LOCK, 1)

    def _connect_again(self, error: Exception) -> None:
        self._note(EventKind.LOST_LINK, 1)
        self.link = self._reopen()
        if not self._stopped.is_set():
            self._buffer = self.link.open_buffer(self._n)

    def _note(self, kind: EventKind, count: int) -> None:
        with self._lock:
            last = self._events[-1] if self._events else None
            if last is not None and last.kind == kind:  # a clipped session is one event with a large count
                self._events[-1] = RadioEvent(kind, last.tick, last.count + count)
            else:
                self._events.append(RadioEvent(kind, self._ring.end_tick, count))

    def take_events(self) -> list[RadioEvent]:
        with self._lock:
            events, self._events = self._events, []
        return events

    def stop(self) -> None:
        """End the thread and let go of the buffer."""
        self._stopped.set()
        end_thread(self, self._buffer)
        self._buffer = None
