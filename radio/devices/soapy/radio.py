"""Any radio that SoapySDR has a module for: `soapy:driver=lime?channels=1&antenna=LNAW`.

Without a driver it is the only device that SoapySDR finds. A device that keeps time sends bursts at their ticks; one
that does not sends them at once, and says so in its capabilities. With repeat=1 a transmitter repeats a burst until the
next one, as a run needs whose radios share no clock: SoapySDR has no common way to give them one.
"""

from dataclasses import replace
from typing import Literal

import numpy as np

from radio.device import RadioSettings
from radio.devices.address import split_options
from radio.devices.one_direction import OneDirectionRadio, capabilities_of
from radio.devices.soapy.find import find_devices
from radio.devices.soapy.link import SoapyLink, missing
from radio.devices.soapy.receive import SoapyReceiver
from radio.devices.soapy.repeat import SoapyRepeater
from radio.errors import DeviceError
from radio.libraries import soapy
from radio.samples import EventKind, RadioEvent, Samples

__all__ = ["SoapyRadio", "find_devices", "missing", "open_device"]
_MARGIN_S = 1.0
_MAX_MESSAGES = 1000
_KINDS = {soapy.UNDERFLOW: EventKind.UNDERFLOW, soapy.TIME_ERROR: EventKind.LATE}


def open_device(address: str, role: Literal["tx", "rx"], index: int) -> "SoapyRadio":
    """Open by SoapySDR's arguments. DeviceError when nothing answers or SoapySDR is missing."""
    return SoapyRadio(address, role)


class SoapyRadio(OneDirectionRadio):
    """`radio.device.Radio` on one SoapySDR device, for one direction."""

    def __init__(self, address: str, role: Literal["tx", "rx"]) -> None:
        super().__init__(f"soapy:{address}", role)
        allowed = {"channels": ("1", "2", "3", "4"), "antenna": None, "repeat": ("0", "1")}
        arguments, options = split_options(self.uri, address, allowed)
        self._link = SoapyLink(self.uri, arguments, role, options)
        self.hardware, self.driver = self._link.hardware(), f"SoapySDR {soapy.ABI}"
        self.uri = self._link.uri + address[len(address.partition("?")[0]) :]
        self._chunk = 0  # samples that the open stream of a transmitter takes at once
        self._asked: RadioSettings | None = None
        self._repeater: SoapyRepeater | None = None
        repeats = role == "tx" and options.get("repeat") == "1"
        timed = self._link.timed and not repeats
        can = capabilities_of(self._link, role, timed=timed, shared_clock=False)
        self.capabilities = replace(can, repeat_transmit=repeats)

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Set and read back. The stream begins anew, unless a repetition goes on and only its gain changes."""
        self._check_open()
        going = self._repeater is not None and self._repeater.failure is None
        if going and self._same_but_for_gain(settings):
            self._applied = self._link.apply(settings)
            return self._applied
        self._stop_streaming()
        self._applied, self._asked = self._link.apply(settings), settings
        if self._role == "rx":
            self._receive_thread = SoapyReceiver(self._link, self._applied.sample_rate_hz)
            self._receive_thread.start()
        else:
            self._chunk = max(1, self._link.start())
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
        """Send at burst.start_tick, or at once on a device without time; returns when the device has it. With repeat=1
        tick t carries sample (t - start_tick) mod n from now on.
        """
        if self.capabilities.repeat_transmit:
            self._repeat(burst)
            return
        self._check_burst(burst, self._chunk > 0, len(self._link.channels))
        assert self._applied is not None
        rate_hz, timed = self._applied.sample_rate_hz, self._link.timed
        ahead = burst.start_tick - self._link.now_tick(rate_hz) if timed else 0
        if ahead < 0:
            self._events.append(RadioEvent(EventKind.LATE, burst.start_tick))
            return
        timeout_us = int(1e6 * ((ahead + burst.n_samples) / rate_hz + _MARGIN_S))
        data, sent = np.ascontiguousarray(burst.data, np.complex64), 0
        while sent < burst.n_samples:
            part = data[:, sent : sent + self._chunk]
            tick = burst.start_tick if sent == 0 and timed else None
            end = sent + part.shape[1] == burst.n_samples
            taken = self._link.device.write(part, timeout_us, tick, rate_hz, end)
            if taken <= 0:
                reason = soapy.reason(taken) if taken else "no room"
                raise DeviceError(f"{self.uri} took {sent} of {burst.n_samples} samples of a burst: {reason}.")
            sent += taken

    def silence(self) -> None:
        """End the repetition; a burst that is on its way ends by itself."""
        repeater, self._repeater = self._repeater, None
        if repeater is not None:
            repeater.stop()

    def _same_but_for_gain(self, settings: RadioSettings) -> bool:
        return self._asked is not None and replace(settings, tx_gain_db=self._asked.tx_gain_db) == self._asked

    def _repeat(self, burst: Samples) -> None:
        self._check_burst(burst, self._chunk > 0, len(self._link.channels))
        assert self._applied is not None
        if self._repeater is not None and self._repeater.failure is not None:
            raise DeviceError(f"{self.uri} stopped transmitting: {self._repeater.failure}.")
        begins = self._repeater is None
        if self._repeater is None:
            self._repeater = SoapyRepeater(self._link, self._chunk, self._applied.sample_rate_hz)
        self._repeater.period.repeat(burst.data.astype(np.complex64), burst.start_tick)
        if begins:
            self._repeater.start()

    def _look_at_device(self) -> None:
        if not self._chunk:
            return
        for _ in range(_MAX_MESSAGES):
            code = self._link.device.status()
            if code not in _KINDS:
                return
            self._events.append(RadioEvent(_KINDS[code], self.now_tick()))

    def _stop_streaming(self) -> None:
        self.silence()
        super()._stop_streaming()
        self._chunk = 0
        self._link.device.stop()

    def _let_go(self) -> None:
        self._link.device.close()
