"""The thread that receives from a USRP continuously and never waits for the consumer of the samples."""

import contextlib
import time

import numpy as np

from radio.devices.receive_thread import ReceiveThread
from radio.devices.usrp.link import UsrpLink
from radio.errors import DeviceError
from radio.libraries import uhd_stream
from radio.libraries.uhd import UhdError
from radio.libraries.uhd_stream import Received
from radio.samples import EventKind
from radio.streaming import SampleRing

RING_SAMPLES = 1 << 22
_START_DELAY_S = 0.1  # several channels begin together at a time that is still to come
_RECEIVE_TIMEOUT_S, _SILENT_DEVICE_S = 0.3, 3.0
_PACKETS = 8  # that one call takes at most


class UsrpReceiver(ReceiveThread):
    """Fills `ring`, whose ticks are the device's own time; what was lost is zeros in its place, and an event."""

    def __init__(self, link: UsrpLink, rate_hz: float) -> None:
        self._stream = link.stream(rate_hz)
        first = link.now_tick(rate_hz) + round(_START_DELAY_S * rate_hz)
        super().__init__(link.uri, SampleRing(len(link.channels), RING_SAMPLES, first))
        self._link, self._rate_hz = link, rate_hz
        self._pending: EventKind | None = None  # what happened, until the next timestamp tells how much is missing
        self._stream.command(uhd_stream.START, first)

    def run(self) -> None:
        block = np.zeros((len(self._link.channels), self._stream.packet_samples * _PACKETS), np.complex64)
        heard_s = time.monotonic()
        try:
            while not self._stopped.is_set():
                received = self._stream.receive(block, _RECEIVE_TIMEOUT_S)
                if received.samples:
                    self._take(block[:, : received.samples], received.tick)
                    heard_s = time.monotonic()
                if received.error != uhd_stream.NONE:
                    self._explain(received)
                if time.monotonic() - heard_s > _SILENT_DEVICE_S:
                    self.ring.fail(f"{self._link.uri} has sent no samples for {_SILENT_DEVICE_S:g} s.")
                    return
        except (UhdError, DeviceError) as error:
            self.ring.fail(f"{self._link.uri} stopped receiving: {' '.join(str(error).split())}")
        finally:
            with contextlib.suppress(UhdError):  # it has gone
                self._stream.command(uhd_stream.STOP)
            self._stream.close()

    def _take(self, data: np.ndarray, tick: int | None) -> None:
        if tick is not None:
            missing = tick - self.ring.end_tick
            if missing > 0:
                self.note(self._pending or EventKind.OVERFLOW, missing)
                self.ring.skip(missing)
            elif self._pending is not None:
                self.note(self._pending)
            self._pending = None
        self.ring.append(data)

    def _explain(self, received: Received) -> None:
        code = received.error
        if code == uhd_stream.OVERFLOW:
            self._pending = EventKind.SEQUENCE_ERROR if received.out_of_sequence else EventKind.OVERFLOW
        elif code == uhd_stream.LATE:  # the start had passed before the device heard of it
            self.note(EventKind.LATE)
            self._restart()
        elif code in (uhd_stream.BROKEN_CHAIN, uhd_stream.ALIGNMENT, uhd_stream.BAD_PACKET):
            self.note(EventKind.SEQUENCE_ERROR)
            self._restart()

    def _restart(self) -> None:
        self._stream.command(uhd_stream.STOP)
        first = self._link.now_tick(self._rate_hz) + round(_START_DELAY_S * self._rate_hz)
        self._stream.command(uhd_stream.START, first)
