"""A SoapySDR device's settings, limits and streams; its errors as sentences."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from radio.device import RadioSettings
from radio.devices.limits import check_settings, require_driver
from radio.errors import DeviceError

INSTALL = "apt-get install python3-soapysdr soapysdr-tools, and the module of your radio such as soapysdr-module-lms7"


def missing() -> str:
    """What is not installed, as a sentence; empty when SoapySDR can be used."""
    try:
        import SoapySDR  # noqa: F401
    except Exception as error:
        return (
            f"SoapySDR's Python module cannot be used ({error}); {INSTALL}, then make SoapySDR.py and "
            "_SoapySDR in /usr/lib/python3/dist-packages visible to this Python"
        )
    return ""


class SoapyLink:
    """One open device and one stream, active from `start` until `stop`."""

    def __init__(self, uri: str, arguments: str, role: Literal["tx", "rx"], options: dict[str, str]) -> None:
        require_driver(uri, missing(), arguments, "radio, e.g. soapy:driver=lime")
        import SoapySDR

        self.soapy, self.uri, self._options = SoapySDR, uri, options
        self._direction = SoapySDR.SOAPY_SDR_TX if role == "tx" else SoapySDR.SOAPY_SDR_RX
        self.channels: Sequence[int] = list(range(int(options.get("channels", "1"))))
        self._stream: Any = None
        try:
            self.device: Any = SoapySDR.Device(arguments)
        except RuntimeError as error:
            raise DeviceError(
                f"No SoapySDR device answers to {arguments} ({error}); `SoapySDRUtil --find` lists them."
            ) from None
        with self._explained("tell its limits"):
            present = int(self.device.getNumChannels(self._direction))
            if len(self.channels) > present:
                raise DeviceError(f"{uri} has {present} channels for this direction, not {len(self.channels)}.")
            self.timed = bool(self.device.hasHardwareTime(""))
            self.rate_limits_hz = _span(self.device.getSampleRateRange(self._direction, 0))
            self.carrier_limits_hz = _span(self.device.getFrequencyRange(self._direction, 0))
            self.gain_limits_db = _span([self.device.getGainRange(self._direction, 0)])
            if "antenna" in options:
                for channel in self.channels:
                    self.device.setAntenna(self._direction, channel, options["antenna"])

    def hardware(self) -> str | None:
        """Driver and serial number; None where the driver does not tell."""
        try:
            facts = dict(self.device.getHardwareInfo())
        except (AttributeError, RuntimeError, TypeError, ValueError):
            return None
        return f"{self.device.getDriverKey()} {facts['serial']}" if facts.get("serial") else None

    def apply(self, settings: RadioSettings) -> RadioSettings:
        """Set every channel and read back. ConfigurationError outside the device's limits."""
        transmits = self._direction == self.soapy.SOAPY_SDR_TX
        gain_db = settings.tx_gain_db if transmits else settings.rx_gain_db
        check_settings(
            self.uri,
            settings,
            gain_db,
            rate_hz=self.rate_limits_hz,
            carrier_hz=self.carrier_limits_hz,
            gains_db=self.gain_limits_db,
        )
        device, direction = self.device, self._direction
        with self._explained("be configured"):
            for channel in self.channels:
                device.setSampleRate(direction, channel, settings.sample_rate_hz)
                device.setFrequency(direction, channel, settings.center_frequency_hz)
                if settings.bandwidth_hz is not None:
                    device.setBandwidth(direction, channel, settings.bandwidth_hz)
                if gain_db is not None:
                    if not transmits and device.hasGainMode(direction, channel):
                        device.setGainMode(direction, channel, False)
                    device.setGain(direction, channel, gain_db)
            gain = float(device.getGain(direction, 0))
            return RadioSettings(
                sample_rate_hz=float(device.getSampleRate(direction, 0)),
                center_frequency_hz=float(device.getFrequency(direction, 0)),
                tx_gain_db=gain if transmits else None,
                rx_gain_db=None if transmits else gain,
                bandwidth_hz=float(device.getBandwidth(direction, 0)) or None,
            )

    def start(self) -> tuple[Any, int]:
        """Begin to stream complex float32; returns the stream and the samples that it takes at once."""
        with self._explained("open a stream"):
            self._stream = self.device.setupStream(self._direction, self.soapy.SOAPY_SDR_CF32, self.channels)
            code = self.device.activateStream(self._stream)
            if code:
                raise DeviceError(f"{self.uri} did not begin to stream: {self.soapy.errToStr(code)}.")
            return self._stream, int(self.device.getStreamMTU(self._stream))

    def stop(self) -> None:
        """End the stream. Safe to call twice."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            self.device.deactivateStream(stream)
            self.device.closeStream(stream)

    def now_tick(self, rate_hz: float) -> int:
        """The device's time in ticks, 0 where it keeps none."""
        if not self.timed:
            return 0
        return int(self.soapy.timeNsToTicks(self.device.getHardwareTime(""), rate_hz))

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise DeviceError(f"{self.uri} cannot {what}: {str(error).rstrip('.')}.") from None


def _span(ranges: Any) -> tuple[float, float]:
    """The outermost limits of SoapySDR ranges."""
    ends = [(float(r.minimum()), float(r.maximum())) for r in ranges]
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else (0.0, 0.0)
