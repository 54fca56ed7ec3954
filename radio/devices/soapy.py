"""Any radio that SoapySDR has a module for: `soapy:driver=lime?channels=1&antenna=LNAW`.

A device that keeps time sends bursts at their ticks; one that does not sends them at once, and says so in its
capabilities.
"""

from typing import Any, Literal

import numpy as np

from radio.device import RadioSettings
from radio.devices.address import split_options
from radio.devices.one_direction import OneDirectionRadio, capabilities_of
from radio.devices.soapy_link import SoapyLink, missing
from radio.devices.soapy_receive import SoapyReceiver
from radio.errors import DeviceError
from radio.samples import EventKind, RadioEvent, Samples

__all__ = ["SoapyRadio", "missing", "open_device"]
_MARGIN_S = 1.0
_MAX_MESSAGES = 1000


def open_device(address: str, role: Literal["tx", "rx"], index: int) -> "SoapyRadio":
    """Open by SoapySDR's arguments. DeviceError when nothing answers or SoapySDR is missing."""
    return SoapyRadio(address, role)


class SoapyRadio(OneDirectionRadio):
    """`radio.device.Radio` on one SoapySDR device, for one direction."""

    def __init__(self, address: str, role: Literal["tx", "rx"]) -> None:
        super().__init__(f"soapy:{address}", role)
        allowed = {"channels": ("1", "2", "3", "4"), "antenna": None}
        arguments, options = split_options(self.uri, address, allowed)
        self._link = SoapyLink(self.uri, arguments, role, options)
        self.hardware = self._link.hardware()
        self._stream: Any = None
        self._chunk = 0
        self.capabilities = capabilities_of(self._link, role, timed=self._link.timed, shared_clock=False)

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Set and read back; the stream begins anew."""
        self._check_open()
        self._stop_streaming()
        self._applied = self._link.apply(settings)
        if self._role == "rx":
            self._receive_thread = SoapyReceiver(self._link, self._applied.sample_rate_hz)
            self._receive_thread.start()
        else:
            self._stream, self._chunk = self._link.start()
        return self._applied

    def now_tick(self) -> int:
        """The device's time; a receiver without a clock counts samples."""
        self._check_open()
        if self._applied is None:
            return 0
        if self._receive_thread is not None and not self._link.timed:
            return self._receive_thread.ring.end_tick
        return self._link.now_tick(self._applied.sample_rate_hz)

    def transmit(self, burst: Samples) -> None:
        """Send at burst.start_tick, or at once on a device without time; returns when the device has it."""
        self._check_burst(burst, self._stream is not None, len(self._link.channels))
        assert self._applied is not None
        soapy, rate_hz = self._link.soapy, self._applied.sample_rate_hz
        ahead = burst.start_tick - self._link.now_tick(rate_hz) if self._link.timed else 0
        if ahead < 0:
            self._events.append(RadioEvent(EventKind.LATE, burst.start_tick))
            return
        timeout_us = int(1e6 * ((ahead + burst.n_samples) / rate_hz + _MARGIN_S))
        data, sent = np.ascontiguousarray(burst.data, np.complex64), 0
        while sent < burst.n_samples:
            part = np.ascontiguousarray(data[:, sent : sent + self._chunk])
            last = sent + part.shape[1] == burst.n_samples
            stamped = sent == 0 and self._link.timed
            flags = (soapy.SOAPY_SDR_END_BURST if last else 0) | (soapy.SOAPY_SDR_HAS_TIME if stamped else 0)
            time_ns = soapy.ticksToTimeNs(burst.start_tick, rate_hz) if stamped else 0
            result = self._link.device.writeStream(self._stream, list(part), part.shape[1], flags, time_ns, timeout_us)
            if result.ret <= 0:
                reason = soapy.errToStr(result.ret) if result.ret else "no room"
                raise DeviceError(f"{self.uri} took {sent} of {burst.n_samples} samples of a burst: {reason}.")
            sent += result.ret

    def _look_at_device(self) -> None:
        if self._stream is None:
            return
        soapy = self._link.soapy
        kinds = {soapy.SOAPY_SDR_UNDERFLOW: EventKind.UNDERFLOW, soapy.SOAPY_SDR_TIME_ERROR: EventKind.LATE}
        for _ in range(_MAX_MESSAGES):
            code = self._link.device.readStreamStatus(self._stream, 0).ret
            if code not in kinds:
                return
            self._events.append(RadioEvent(kinds[code], self.now_tick()))

    def _stop_streaming(self) -> None:
        super()._stop_streaming()
        self._stream = None
        self._link.stop()

    def _let_go(self) -> None:
        self._link.device = None
