"""The thread that empties a Pluto's receive buffers, and connects again when the link breaks."""

import time
from collections.abc import Callable

from radio.devices.pluto_link import OVERFLOW_BIT, PlutoLink
from radio.devices.pluto_samples import from_adc
from radio.devices.pluto_send import end_thread
from radio.devices.receive_thread import ReceiveThread
from radio.errors import RadioError
from radio.samples import EventKind
from radio.streaming import SampleRing

KERNEL_BUFFERS = 4
_STATUS_EVERY_S = 0.25


class PlutoReceiver(ReceiveThread):
    """Fills `ring` until stopped. reopen: makes a new, configured link or raises RadioError."""

    def __init__(
        self, link: PlutoLink, ring: SampleRing, buffer_samples: int, sample_rate_hz: float,
        reopen: Callable[[], PlutoLink],
    ) -> None:  # fmt: skip
        super().__init__(link.uri, ring)
        self.link, self._reopen = link, reopen
        self._n, self._rate_hz = buffer_samples, sample_rate_hz
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
            self.ring.fail(str(error))
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
                self._tell(EventKind.CLIPPED, clipped)
            self.ring.append(data)
            received += data.shape[1]
            now_s = time.monotonic()
            if now_s - looked_s > _STATUS_EVERY_S:
                looked_s = now_s
                if self.link.take_status() & OVERFLOW_BIT:
                    lost = int((now_s - began_s) * self._rate_hz) - received
                    self._tell(EventKind.OVERFLOW, max(1, lost))
                    received += max(0, lost)
                if not self.link.locked():
                    self._tell(EventKind.LOST_LOCK)

    def _connect_again(self, error: Exception) -> None:
        self._tell(EventKind.LOST_LINK)
        self.link = self._reopen()
        if not self._stopped.is_set():
            self._buffer = self.link.open_buffer(self._n)

    def _tell(self, kind: EventKind, count: int = 1) -> None:
        self.note(kind, count, merge=True)  # a clipped session is one event with a large count

    def stop(self) -> None:
        """End the thread and release the buffer; the ring is kept for the next receiver after a change of settings."""
        self._stopped.set()
        end_thread(self, self._buffer)
        self._buffer = None
