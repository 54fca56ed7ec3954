"""A USRP's settings over UHD: which one, clocks, time, tuning, gains, corrections; UHD's errors as sentences."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from radio.device import RadioSettings
from radio.devices.limits import check_settings
from radio.devices.usrp.find import the_one
from radio.errors import ConfigurationError, DeviceError
from radio.libraries import uhd
from radio.libraries.loading import lacking
from radio.libraries.uhd_stream import Stream

_LOCK_WAIT_S, _PPS_WAIT_S = 2.0, 1.5


def missing() -> str:
    """What is not installed, as a sentence; empty when a USRP can be opened."""
    return lacking(uhd.load)


class UsrpLink:
    """One open USRP (or several as one). direction: "tx" or "rx"; channels: how many, from 0 on.

    uri: as given, or of the only USRP there is where none was named.
    """

    def __init__(self, uri: str, arguments: str, direction: Literal["tx", "rx"], options: dict[str, str]) -> None:
        if sentence := missing():
            raise DeviceError(f"{uri} cannot be opened: {sentence}.")
        self.direction, self._options = direction, options
        self.channels: Sequence[int] = range(int(options.get("channels", "1")))
        self.uri = uri
        with self._explained("be looked for"):
            arguments = arguments.strip() or the_one(uri)
        self.uri = f"usrp:{arguments}"
        with self._explained("be opened"):
            self.usrp = uhd.Usrp(arguments, direction)
        try:
            self._begin()
        except BaseException:
            self.close()
            raise
        self.synchronised = options.get("time", "internal") != "internal"

    def _begin(self) -> None:
        with self._explained("be opened"):
            present = self.usrp.channels()
            if len(self.channels) > present:
                raise ConfigurationError(f"{self.uri} has {present} channels, not {len(self.channels)}.")
        self._set_time()
        with self._explained("tell its limits"):
            if "antenna" in self._options:
                for channel in self.channels:
                    self.usrp.set("antenna", self._options["antenna"], channel)
            self.rate_limits_hz = self.usrp.limits("rates")
            self.carrier_limits_hz = self.usrp.limits("freq_range")
            self.gain_limits_db = self.usrp.limits("gain_range")

    def close(self) -> None:
        """Release the device; its streams are closed before. Safe to call twice."""
        self.usrp.close()

    def hardware(self) -> str | None:
        """Motherboard and its serial number; None where this UHD does not tell."""
        try:
            facts = self.usrp.facts()
        except uhd.UhdError:
            return None
        serial = facts.get("mboard_serial")
        return f"usrp {facts.get('mboard_id', '')} {serial}" if serial else None

    @staticmethod
    def driver() -> str:
        """UHD and its version."""
        return f"UHD {uhd.text(uhd.load()[1].uhd_get_version_string)}"

    # -- time --

    def _set_time(self) -> None:
        """Choose the sources; an internal clock starts at 0, a PPS carries whole seconds of the wall clock."""
        clock, source = self._options.get("clock", "internal"), self._options.get("time", "internal")
        self._require_source("clock", clock)
        self._require_source("time", source)
        with self._explained("take its clock and time sources"):
            uhd.check(self.usrp.function("set_clock_source")(clock.encode(), uhd.ALL_BOARDS))
            uhd.check(self.usrp.function("set_time_source")(source.encode(), uhd.ALL_BOARDS))
            if source == "internal":
                uhd.check(self.usrp.function("set_time_now")(0, 0.0, uhd.ALL_BOARDS))
        if clock != "internal":
            self._await("ref_locked", f"has no lock on the {clock} 10 MHz reference; check the cable")
        if "gpsdo" in (clock, source):
            self._await("gps_locked", "has no GPS lock; its antenna needs a view of the sky and some minutes")
        if source != "internal":
            self._set_time_at_pps(source)

    def _require_source(self, what: Literal["clock", "time"], wanted: str) -> None:
        with self._explained(f"tell its {what} sources"):
            present = self.usrp.sources(what)
        if present and wanted not in present:
            raise ConfigurationError(f"{self.uri} has no {what} source {wanted}; it has {', '.join(present)}.")

    def _set_time_at_pps(self, source: str) -> None:
        with self._explained("set its time"):
            before = self._last_pps()
            deadline = time.monotonic() + _PPS_WAIT_S
            while self._last_pps() == before:
                if time.monotonic() > deadline:
                    raise DeviceError(f"{self.uri} sees no pulse per second on its {source} input; check the cable.")
                time.sleep(0.005)
            # A pulse has just been: the next one is almost a second away. Rounded, so that radios whose hosts see a
            # pulse shortly before or after their own whole second count the same seconds.
            second = round(time.time()) + 1
            uhd.check(self.usrp.function("set_time_next_pps")(second, 0.0, uhd.ALL_BOARDS))
            time.sleep(1.1)
            if any(self._last_pps(board)[0] != second for board in self.usrp.boards()):
                raise DeviceError(f"{self.uri} did not take the time at the {source} pulse; is the pulse 1 per second?")

    def _last_pps(self, board: int = 0) -> tuple[int, float]:
        return uhd.moment(self.usrp.function("get_time_last_pps"), board)

    def now_tick(self, rate_hz: float) -> int:
        """The device's time in ticks of the sample clock."""
        with self._explained("tell its time"):
            return uhd.ticks(*uhd.moment(self.usrp.function("get_time_now"), 0), rate_hz)

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
        usrp = self.usrp
        with self._explained("be configured"):
            for channel in self.channels:
                usrp.set("rate", settings.sample_rate_hz, channel)
                usrp.tune(settings.center_frequency_hz, offset_hz, channel)
                if gain_db is not None:
                    usrp.set("gain", gain_db, channel)
                if settings.bandwidth_hz is not None:
                    usrp.set("bandwidth", settings.bandwidth_hz, channel)
                for name, what in (("dc", "dc_offset_enabled"), ("iq", "iq_balance_enabled")):
                    if name in self._options:
                        usrp.set(what, self._options[name] == "1", channel)
            self._await("lo_locked", "has no lock of its oscillator at this carrier")
            gain = usrp.get("gain")
            return RadioSettings(
                sample_rate_hz=usrp.get("rate"),
                center_frequency_hz=usrp.get("freq"),
                tx_gain_db=gain if self.direction == "tx" else None,
                rx_gain_db=gain if self.direction == "rx" else None,
                bandwidth_hz=usrp.get("bandwidth"),
            )

    def stream(self, rate_hz: float) -> Stream:
        """A streamer of every channel."""
        with self._explained("open a stream"):
            return Stream(self.usrp, self.channels, rate_hz)

    def locked(self) -> bool:
        """Whether oscillators and, with an external clock, the reference have lock."""
        with self._explained("be asked"):
            external = self._options.get("clock", "internal") != "internal"
            return self._sensor("lo_locked") and (not external or self._sensor("ref_locked"))

    def _sensor(self, name: str) -> bool:
        """A boolean sensor; devices that lack it are taken as locked."""
        return self.usrp.sensor(name, self.channels) is not False

    def _await(self, sensor: str, sentence: str) -> None:
        deadline = time.monotonic() + _LOCK_WAIT_S
        with self._explained("be asked"):
            while not self._sensor(sensor):
                if time.monotonic() > deadline:
                    raise DeviceError(f"{self.uri} {sentence}.")
                time.sleep(0.02)

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """UHD's errors have the C++ class first."""
        try:
            yield
        except uhd.UhdError as error:
            text = " ".join(str(error).split())
            if "No devices found" in text:
                raise DeviceError(
                    f"No USRP answers at {self.uri.removeprefix('usrp:')}; check its address and power, or look with "
                    "uhd_find_devices."
                ) from None
            raise DeviceError(f"{self.uri} cannot {what}: {text.rstrip('.')}.") from None
