"""The thread that receives from a SoapySDR device without end."""

import time

import numpy as np

from radio.devices.receive_thread import ReceiveThread
from radio.devices.soapy_link import SoapyLink
from radio.errors import DeviceError
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
        self._stream, self._block_samples = link.start()

    def run(self) -> None:
        soapy = self._link.soapy
        n = min(max(self._block_samples, 1024), 1 << 17)
        block = np.zeros((len(self._link.channels), n), np.complex64)
        heard_s = time.monotonic()
        try:
            while not self._stopped.is_set():
                result = self._link.device.readStream(self._stream, list(block), n, 0, _TIMEOUT_US)
                if result.ret > 0:
                    heard_s = time.monotonic()
                    stamped = bool(result.flags & soapy.SOAPY_SDR_HAS_TIME)
                    tick = soapy.timeNsToTicks(result.timeNs, self._rate_hz) if stamped else self.ring.end_tick
                    self._take(block[:, : result.ret], int(tick))
                elif result.ret == soapy.SOAPY_SDR_OVERFLOW:
                    self._lost = True
                elif result.ret == soapy.SOAPY_SDR_CORRUPTION:
                    self.note(EventKind.SEQUENCE_ERROR)
                elif result.ret not in (0, soapy.SOAPY_SDR_TIMEOUT):
                    raise DeviceError(f"{self._link.uri} stopped receiving: {soapy.errToStr(result.ret)}.")
                if time.monotonic() - heard_s > _SILENT_DEVICE_S:
                    raise DeviceError(f"{self._link.uri} has sent no samples for {_SILENT_DEVICE_S:g} s.")
        except (RuntimeError, DeviceError) as error:
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
        self._link.stop()
