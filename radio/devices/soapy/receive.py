"""The thread that receives from a SoapySDR device without end."""

import time

import numpy as np

from radio.devices.receive_thread import ReceiveThread
from radio.devices.soapy.link import SoapyLink
from radio.errors import DeviceError
from radio.libraries import soapy
from radio.samples import EventKind
from radio.streaming import SampleRing

RING_SAMPLES = 1 << 22
_TIMEOUT_US, _SILENT_DEVICE_S = 200_000, 3.0


class SoapyReceiver(ReceiveThread):
    """Fills `ring`. Ticks are the device's time where it stamps its samples, else they count what arrived."""

    def __init__(self, link: SoapyLink, rate_hz: float) -> None:
        ring = SampleRing(len(link.channels), RING_SAMPLES, link.now_tick(rate_hz))
        super().__init__(link.uri, ring)
        self._link, self._rate_hz = link, rate_hz
        self._lost = False
        self._block_samples = link.start()

    def run(self) -> None:
        n = min(max(self._block_samples, 1024), 1 << 17)
        block = np.zeros((len(self._link.channels), n), np.complex64)
        heard_s = time.monotonic()
        try:
            while not self._stopped.is_set():
                count, tick = self._link.device.read(block, _TIMEOUT_US, self._rate_hz)
                if count > 0:
                    heard_s = time.monotonic()
                    self._take(block[:, :count], self.ring.end_tick if tick is None else tick)
                elif count == soapy.OVERFLOW:
                    self._lost = True
                elif count == soapy.CORRUPTION:
                    self.note(EventKind.SEQUENCE_ERROR)
                elif count not in (0, soapy.TIMEOUT):
                    raise DeviceError(f"{self._link.uri} stopped receiving: {soapy.reason(count)}.")
                if time.monotonic() - heard_s > _SILENT_DEVICE_S:
                    raise DeviceError(f"{self._link.uri} has sent no samples for {_SILENT_DEVICE_S:g} s.")
        except (soapy.SoapyError, DeviceError) as error:
            self.ring.fail(str(error))

    def _take(self, data: np.ndarray, tick: int) -> None:
        missing = tick - self.ring.end_tick
        if missing > 1:  # nanoseconds round: a single tick is none
            self.ring.skip(missing)
        if self._lost:
            self.note(EventKind.OVERFLOW, max(1, missing))
            self._lost = False
        self.ring.append(data)

    def stop(self) -> None:
        super().stop()
        self._link.device.stop()
