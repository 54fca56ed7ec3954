"""Ettus USRP on UHD: `usrp:addr=192.168.10.2,type=x300?clock=external&time=external&channels=2`.

Without an address it is the only USRP there is. Options: clock and time (internal, external, gpsdo), channels, antenna,
lo_offset in Hz, and for a receiver dc and iq (1 or 0: its automatic corrections). Ticks are the device's own time; with
a PPS it is the wall clock's, so that radios on one PPS share it.
"""

import time
from typing import Literal

from radio.device import RadioSettings
from radio.devices.address import split_options
from radio.devices.one_direction import OneDirectionRadio, capabilities_of
from radio.devices.usrp.find import find_devices
from radio.devices.usrp.link import UsrpLink, missing
from radio.devices.usrp.receive import UsrpReceiver
from radio.devices.usrp.transmit import UsrpTransmitter
from radio.errors import ConfigurationError
from radio.samples import EventKind, RadioEvent, Samples

__all__ = ["UsrpRadio", "find_devices", "missing", "open_device"]
_SOURCES = ("internal", "external", "gpsdo")
_LOCK_EVERY_S = 1.0


def open_device(address: str, role: Literal["tx", "rx"], index: int) -> "UsrpRadio":
    """Connect. DeviceError when nothing answers or UHD is missing, ConfigurationError for a bad option."""
    return UsrpRadio(address, role)


class UsrpRadio(OneDirectionRadio):
    """`radio.device.Radio` on one USRP (or several as one), for one direction."""

    def __init__(self, address: str, role: Literal["tx", "rx"]) -> None:
        super().__init__(f"usrp:{address}", role)
        allowed: dict[str, tuple[str, ...] | None] = {"clock": _SOURCES, "time": _SOURCES, "antenna": None,
                   "channels": ("1", "2", "3", "4"), "lo_offset": None}  # fmt: skip
        if role == "rx":  # UHD's C interface has no corrections of a transmitter; `semnoma-hil calibrate` makes them
            allowed |= {"dc": ("0", "1"), "iq": ("0", "1")}
        arguments, options = split_options(self.uri, address, allowed)
        try:
            float(options.get("lo_offset", "0"))
        except ValueError:
            raise ConfigurationError(f"{self.uri}: lo_offset is {options['lo_offset']!r}, not a number.") from None
        self._transmitter: UsrpTransmitter | None = None
        self._looked_s = 0.0
        self._link = UsrpLink(self.uri, arguments, role, options)
        self.uri = self._link.uri + address[len(address.partition("?")[0]) :]
        self.hardware, self.driver = self._link.hardware(), self._link.driver()
        self.capabilities = capabilities_of(self._link, role, timed=True, shared_clock=self._link.synchronised)

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Set and read back. A receiver then streams until it is closed or configured anew."""
        self._check_open()
        self._stop_streaming()
        self._applied = self._link.apply(settings)
        if self._role == "rx":
            self._receive_thread = UsrpReceiver(self._link, self._applied.sample_rate_hz)
            self._receive_thread.start()
        else:
            self._transmitter = UsrpTransmitter(self._link, self._applied.sample_rate_hz)
        return self._applied

    def now_tick(self) -> int:
        """The device's time, in ticks of the configured rate; 0 before it is configured."""
        self._check_open()
        return self._link.now_tick(self._applied.sample_rate_hz) if self._applied else 0

    def transmit(self, burst: Samples) -> None:
        """Send at burst.start_tick; returns when the device has it. Late bursts are events."""
        self._check_burst(burst, self._transmitter is not None, len(self._link.channels))
        assert self._transmitter is not None
        self._events += self._transmitter.send(burst)

    def _look_at_device(self) -> None:
        if self._transmitter is not None:
            self._events += self._transmitter.take_events()
        if self._applied is not None and not self._closed and time.monotonic() - self._looked_s > _LOCK_EVERY_S:
            self._looked_s = time.monotonic()
            if not self._link.locked():
                self._events.append(RadioEvent(EventKind.LOST_LOCK, self.now_tick()))

    def _stop_streaming(self) -> None:
        super()._stop_streaming()
        if self._transmitter is not None:
            self._transmitter.close()
        self._transmitter = None

    def _let_go(self) -> None:
        self._link.close()
