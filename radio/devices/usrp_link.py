"""A USRP's settings over UHD's Python API: clocks, time, tuning, gains, corrections; UHD's errors as sentences."""

import importlib.util
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from radio.device import RadioSettings
from radio.devices.limits import check_settings, require_driver
from radio.errors import ConfigurationError, DeviceError

INSTALL = "apt-get install python3-uhd uhd-host"
_LOCK_WAIT_S, _PPS_WAIT_S = 2.0, 1.5


def missing() -> str:
    """What is not installed, as a sentence; empty when a USRP can be opened."""
    try:
        spec = importlib.util.find_spec("uhd")
    except (ImportError, ValueError):
        spec = None
    if spec is not None and int(np.__version__.split(".")[0]) >= 2 and "dist-packages" in str(spec.origin):
        return f'Debian\'s UHD module needs numpy 1 and this is numpy {np.__version__}; pip install "semnoma-hil[usrp]"'
    try:
        import uhd  # noqa: F401
    except Exception as error:
        return (
            f"UHD's Python module cannot be used ({error}); {INSTALL}, then make its folder in "
            "/usr/lib/python3/dist-packages visible to this Python"
        )
    return ""


class UsrpLink:
    """One open MultiUSRP. direction: "tx" or "rx"; channels: how many, from 0 on."""

    def __init__(self, uri: str, arguments: str, direction: Literal["tx", "rx"], options: dict[str, str]) -> None:
        example = "one, e.g. usrp:addr=192.168.10.2, usrp:serial=30CF9D2 or usrp:type=b200"
        require_driver(uri, missing(), arguments, example)
        import uhd

        self.uhd, self.uri, self.direction, self._options = uhd, uri, direction, options
        self.channels: Sequence[int] = range(int(options.get("channels", "1")))
        with self._explained("be opened"):
            self.usrp: Any = uhd.usrp.MultiUSRP(arguments)
            present = int(self._get("num_channels"))
            if len(self.channels) > present:
                raise ConfigurationError(f"{uri} has {present} channels, not {len(self.channels)}.")
        self._set_time()
        with self._explained("tell its limits"):
            if "antenna" in options:
                for channel in self.channels:
                    self._set("antenna", options["antenna"], channel)
            self.rate_limits_hz = _limits(self._get("rates", 0))
            self.carrier_limits_hz = _limits(self._get("freq_range", 0))
            self.gain_limits_db = _limits(self._get("gain_range", 0))
        self.synchronised = options.get("time", "internal") != "internal"

    def hardware(self) -> str | None:
        """Motherboard and its serial number; None where this UHD does not tell."""
        name = "get_usrp_tx_info" if self.direction == "tx" else "get_usrp_rx_info"
        try:
            facts = dict(getattr(self.usrp, name)(0))
        except (AttributeError, RuntimeError, TypeError, ValueError):
            return None
        serial = facts.get("mboard_serial")
        return f"usrp {facts.get('mboard_id', '')} {serial}" if serial else None

    # -- time --

    def _set_time(self) -> None:
        """Choose the sources; an internal clock starts at 0, a PPS carries whole seconds of the wall clock."""
        clock, source = self._options.get("clock", "internal"), self._options.get("time", "internal")
        with self._explained("take its clock and time sources"):
            self.usrp.set_clock_source(clock)
            self.usrp.set_time_source(source)
            if source == "internal":
                self.usrp.set_time_now(self.uhd.types.TimeSpec(0.0))
        if clock != "internal":
            self._await("ref_locked", f"has no lock on the {clock} 10 MHz reference; check the cable")
        if source != "internal":
            self._set_time_at_pps(source)

    def _set_time_at_pps(self, source: str) -> None:
        with self._explained("set its time"):
            before = self.usrp.get_time_last_pps().get_real_secs()
            deadline = time.monotonic() + _PPS_WAIT_S
            while self.usrp.get_time_last_pps().get_real_secs() == before:
                if time.monotonic() > deadline:
                    raise DeviceError(f"{self.uri} sees no pulse per second on its {source} input; check the cable.")
                time.sleep(0.005)
            second = int(time.time()) + 1  # a pulse has just been: the next one is almost a second away
            self.usrp.set_time_next_pps(self.uhd.types.TimeSpec(float(second)))
            time.sleep(1.1)
            if int(self.usrp.get_time_last_pps().get_real_secs()) != second:
                raise DeviceError(f"{self.uri} did not take the time at the {source} pulse; is the pulse 1 per second?")

    def now_tick(self, rate_hz: float) -> int:
        """The device's time in ticks of the sample clock."""
        with self._explained("tell its time"):
            return int(self.usrp.get_time_now().to_ticks(rate_hz))

    def time_spec(self, tick: int, rate_hz: float) -> Any:
        """uhd.types.TimeSpec of a tick."""
        return self.uhd.types.TimeSpec.from_ticks(tick, rate_hz)

    # -- settings --

    def apply(self, settings: RadioSettings) -> RadioSettings:
        """Set every channel, wait for the oscillators' lock, read back. ConfigurationError outside the limits."""
        gain_db = settings.tx_gain_db if self.direction == "tx" else settings.rx_gain_db
        check_settings(
            self.uri,
            settings,
            gain_db,
            rate_hz=self.rate_limits_hz,
            carrier_hz=self.carrier_limits_hz,
            gains_db=self.gain_limits_db,
        )
        offset_hz = float(self._options.get("lo_offset", "0"))
        carrier_hz = settings.center_frequency_hz
        request = self.uhd.types.TuneRequest(*((carrier_hz, offset_hz) if offset_hz else (carrier_hz,)))
        with self._explained("be configured"):
            for channel in self.channels:
                self._set("rate", settings.sample_rate_hz, channel)
                self._set("freq", request, channel)
                if gain_db is not None:
                    self._set("gain", gain_db, channel)
                if settings.bandwidth_hz is not None:
                    self._set("bandwidth", settings.bandwidth_hz, channel)
                self._correct(channel)
            self._await("lo_locked", "has no lock of its oscillator at this carrier")
            gain = float(self._get("gain", 0))
            return RadioSettings(
                sample_rate_hz=float(self._get("rate", 0)),
                center_frequency_hz=float(self._get("freq", 0)),
                tx_gain_db=gain if self.direction == "tx" else None,
                rx_gain_db=gain if self.direction == "rx" else None,
                bandwidth_hz=float(self._get("bandwidth", 0)),
            )

    def _correct(self, channel: int) -> None:
        """dc, iq: 1 or 0 for a receiver's automatic corrections, a complex number for a transmitter's fixed ones."""
        for name, what in (("dc", "dc_offset"), ("iq", "iq_balance")):
            if name in self._options:
                text = self._options[name]
                value = complex(text) if self.direction == "tx" else text == "1"
                self._set(what, value, channel)

    def stream(self) -> Any:
        """A streamer of complex float32 on the host, 16 bits on the wire."""
        arguments = self.uhd.usrp.StreamArgs("fc32", "sc16")
        arguments.channels = list(self.channels)
        with self._explained("open a stream"):
            return self.usrp.get_tx_stream(arguments) if self.direction == "tx" else self.usrp.get_rx_stream(arguments)

    def locked(self) -> bool:
        """Whether oscillators and, with an external clock, the reference have lock."""
        with self._explained("be asked"):
            external = self._options.get("clock", "internal") != "internal"
            return self._sensor("lo_locked") and (not external or self._sensor("ref_locked"))

    def _sensor(self, name: str) -> bool:
        """A boolean sensor; devices that lack it are taken as locked."""
        if name in self.usrp.get_mboard_sensor_names():
            return bool(self.usrp.get_mboard_sensor(name).to_bool())
        if name in self._get("sensor_names", 0):
            return all(bool(self._get("sensor", name, channel).to_bool()) for channel in self.channels)
        return True

    def _await(self, sensor: str, sentence: str) -> None:
        deadline = time.monotonic() + _LOCK_WAIT_S
        with self._explained("be asked"):
            while not self._sensor(sensor):
                if time.monotonic() > deadline:
                    raise DeviceError(f"{self.uri} {sentence}.")
                time.sleep(0.02)

    def _get(self, what: str, *arguments: Any) -> Any:
        return getattr(self.usrp, f"get_{self.direction}_{what}")(*arguments)

    def _set(self, what: str, value: Any, channel: int) -> None:
        getattr(self.usrp, f"set_{self.direction}_{what}")(value, channel)

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """UHD's C++ errors come as RuntimeError with the class name first."""
        try:
            yield
        except RuntimeError as error:
            text = " ".join(str(error).split())
            if "No devices found" in text:
                raise DeviceError(
                    f"No USRP answers at {self.uri.removeprefix('usrp:')}; check its address and power, or look with "
                    "uhd_find_devices."
                ) from None
            raise DeviceError(f"{self.uri} cannot {what}: {text.rstrip('.')}.") from None


def _limits(limits: Any) -> tuple[float, float]:
    return float(limits.start()), float(limits.stop())
