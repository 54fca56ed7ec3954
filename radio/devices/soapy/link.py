"""A SoapySDR device's settings, limits and stream; its errors as sentences."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from radio.device import RadioSettings
from radio.devices.limits import check_settings
from radio.devices.soapy.find import the_one
from radio.errors import DeviceError
from radio.libraries import soapy
from radio.libraries.loading import lacking


def missing() -> str:
    """What is not installed, as a sentence; empty when SoapySDR can be used."""
    return lacking(soapy.load)


class SoapyLink:
    """One open device and one stream, active from `start` until `stop`.

    uri: as given, or of the only device there is where none was named.
    """

    def __init__(self, uri: str, arguments: str, role: Literal["tx", "rx"], options: dict[str, str]) -> None:
        if sentence := missing():
            raise DeviceError(f"{uri} cannot be opened: {sentence}.")
        arguments = arguments.strip() or the_one(uri)
        self.uri, self._transmits = f"soapy:{arguments}", role == "tx"
        self.channels: Sequence[int] = range(int(options.get("channels", "1")))
        try:
            self.device = soapy.SoapyDevice(arguments, soapy.TX if self._transmits else soapy.RX)
        except soapy.SoapyError as error:
            raise DeviceError(
                f"No SoapySDR device answers to {arguments} ({error}); `SoapySDRUtil --find` lists them."
            ) from None
        try:
            self._begin(options)
        except BaseException:
            self.device.close()
            raise

    def _begin(self, options: dict[str, str]) -> None:
        with self._explained("tell its limits"):
            present = self.device.channels()
            if len(self.channels) > present:
                raise DeviceError(f"{self.uri} has {present} channels for this direction, not {len(self.channels)}.")
            self.timed = self.device.timed()
            self.rate_limits_hz = self.device.limits("SampleRate")
            self.carrier_limits_hz = self.device.limits("Frequency")
            self.gain_limits_db = self.device.limits("Gain")
            if "antenna" in options:
                for channel in self.channels:
                    self.device.set("Antenna", options["antenna"], channel)

    def hardware(self) -> str | None:
        """Driver and serial number; None where the driver does not tell."""
        try:
            driver, facts = self.device.identity()
        except soapy.SoapyError:
            return None
        return f"{driver} {facts['serial']}" if facts.get("serial") else None

    def apply(self, settings: RadioSettings) -> RadioSettings:
        """Set every channel and read back. ConfigurationError outside the device's limits."""
        gain_db = settings.tx_gain_db if self._transmits else settings.rx_gain_db
        check_settings(
            self.uri,
            settings,
            gain_db,
            rate_hz=self.rate_limits_hz,
            carrier_hz=self.carrier_limits_hz,
            gains_db=self.gain_limits_db,
        )
        device = self.device
        with self._explained("be configured"):
            for channel in self.channels:
                device.set("SampleRate", settings.sample_rate_hz, channel)
                device.set("Frequency", settings.center_frequency_hz, channel)
                if settings.bandwidth_hz is not None:
                    device.set("Bandwidth", settings.bandwidth_hz, channel)
                if gain_db is not None:
                    if not self._transmits:
                        device.manual_gain(channel)
                    device.set("Gain", gain_db, channel)
            gain = device.get("Gain")
            return RadioSettings(
                sample_rate_hz=device.get("SampleRate"),
                center_frequency_hz=device.get("Frequency"),
                tx_gain_db=gain if self._transmits else None,
                rx_gain_db=None if self._transmits else gain,
                bandwidth_hz=device.get("Bandwidth") or None,
            )

    def start(self) -> int:
        """Begin to stream complex float32; returns the samples that the stream takes at once."""
        with self._explained("begin to stream"):
            return self.device.start(self.channels)

    def now_tick(self, rate_hz: float) -> int:
        """The device's time in ticks, 0 where it keeps none."""
        with self._explained("tell its time"):
            return self.device.now_tick(rate_hz) if self.timed else 0

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except soapy.SoapyError as error:
            raise DeviceError(f"{self.uri} cannot {what}: {str(error).rstrip('.')}.") from None
