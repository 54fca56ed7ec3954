"""Any radio that SoapySDR has a module for: `soapy:driver=lime?channels=1&antenna=LNAW`.

A device that keeps time sends bursts at their ticks; one that does not sends them at once, and says so in its
capabilities.
"""

from typing import Any, Literal

import numpy as np

from radio.device import Capabilities, RadioSettings
from radio.devices.address import split_options
from radio.devices.soapy_link import SoapyLink, missing
from radio.devices.soapy_receive import SoapyReceiver
from radio.errors import ConfigurationError, DeviceError
from radio.samples import EventKind, RadioEvent, Samples

__all__ = ["SoapyRadio", "missing", "open_device"]
_MARGIN_S = 1.0
_MAX_MESSAGES = 1000


def open_device(address: str, role: Literal["tx", "rx"], index: int) -> "SoapyRadio":
    """Open by SoapySDR's arguments. DeviceError when nothing answers or SoapySDR is missing."""
    return SoapyRadio(address, role)


class SoapyRadio:
    """`radio.device.Radio` on one SoapySDR device, for one direction."""

    def __init__(self, address: str, role: Literal["tx", "rx"]) -> None:
        self.uri, self._role = f"soapy:{address}", role
        allowed = {"channels": ("1", "2", "3", "4"), "antenna": None}
        arguments, options = split_options(self.uri, address, allowed)
        self._link = SoapyLink(self.uri, arguments, role, options)
        self._applied: RadioSettings | None = None
        self._events: list[RadioEvent] = []
        self._receiver: SoapyReceiver | None = None
        self._stream: Any = None
        self._chunk, self._closed = 0, False
        gains = self._link.gain_limits_db
        self.capabilities = Capabilities(
            sample_rate_hz=self._link.rate_limits_hz,
            center_frequency_hz=self._link.carrier_limits_hz,
            tx_gain_db=gains if role == "tx" else (0.0, 0.0),
            rx_gain_db=gains if role == "rx" else (0.0, 0.0),
            rx_channels=len(self._link.channels),
            timed_transmit=self._link.timed,
            shared_clock=False,
        )

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Set and read back; the stream begins anew."""
        self._check_open()
        self._stop_streaming()
        self._applied = self._link.apply(settings)
        if self._role == "rx":
            self._receiver = SoapyReceiver(self._link, self._applied.sample_rate_hz)
            self._receiver.start()
        else:
            self._stream, self._chunk = self._link.start()
        return self._applied

    def now_tick(self) -> int:
        """The device's time; a receiver without a clock counts samples."""
        self._check_open()
        if self._applied is None:
            return 0
        if self._receiver is not None and not self._link.timed:
            return self._receiver.ring.end_tick
        return self._link.now_tick(self._applied.sample_rate_hz)

    def transmit(self, burst: Samples) -> None:
        """Send at burst.start_tick, or at once on a device without time; returns when the device has it."""
        self._check_open()
        if self._stream is None or self._applied is None:
            raise DeviceError(f"{self.uri} must be opened for transmitting and configured before it transmits.")
        if burst.data.shape[0] != len(self._link.channels):
            raise ConfigurationError(
                f"{self.uri} has {len(self._link.channels)} channels; a burst of {burst.data.shape[0]} does not fit."
            )
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

    def idle_until(self, tick: int) -> None:
        """Nothing to do: the device is silent between bursts."""

    def receive(self, start_tick: int, n_samples: int, timeout_s: float = 10.0) -> Samples:
        """complex64 [channels, n_samples] from start_tick on."""
        self._check_open()
        if self._receiver is None or self._applied is None:
            raise DeviceError(f"{self.uri} must be opened for receiving and configured before it receives.")
        data, tick, events = self._receiver.ring.read(start_tick, n_samples, timeout_s)
        self._events += events
        return Samples(data, tick, self._applied.sample_rate_hz)

    def events(self) -> list[RadioEvent]:
        if self._receiver is not None:
            self._events += self._receiver.take_events()
        if self._stream is not None:
            self._drain_status()
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._stop_streaming()
            self._link.device = None

    def _drain_status(self) -> None:
        soapy = self._link.soapy
        kinds = {soapy.SOAPY_SDR_UNDERFLOW: EventKind.UNDERFLOW, soapy.SOAPY_SDR_TIME_ERROR: EventKind.LATE}
        for _ in range(_MAX_MESSAGES):
            code = self._link.device.readStreamStatus(self._stream, 0).ret
            if code not in kinds:
                return
            self._events.append(RadioEvent(kinds[code], self.now_tick()))

    def _stop_streaming(self) -> None:
        if self._receiver is not None:
            self._receiver.stop()
            self._events += self._receiver.take_events()
        self._receiver = self._stream = None
        self._link.stop()

    def _check_open(self) -> None:
        if self._closed:
            raise DeviceError(f"{self.uri} is closed.")
