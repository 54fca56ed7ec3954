"""The connection to a Pluto: libiio's context, its attributes with their limits, its buffers, its registers."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from radio.device import RadioSettings
from radio.devices.limits import check_settings
from radio.errors import ConfigurationError, DeviceError

INSTALL = 'apt-get install libiio0 libiio-utils; pip install "semnoma-hil[pluto]"'
_STATUS, _CLEAR, UNDERFLOW_BIT, OVERFLOW_BIT = 0x80000088, 6, 1, 4
_PLL_REGISTERS, _LOCKED_BIT = {"rx": 0x247, "tx": 0x287}, 2
_TIMEOUT_MS = 3000
_LOWEST_FIR_DIVISOR = 4  # the FIR decimates by four below the converters' own lowest rate


def missing() -> str:
    """What is not installed, as a sentence; empty when a Pluto can be opened."""
    try:
        import adi  # noqa: F401
        import iio

        return "" if iio.version[0] == 0 else f"libiio 0 is needed, found {iio.version[0]}; {INSTALL}"
    except Exception as error:  # pylibiio raises a different one for each way in which the C library is absent
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return f"libiio or pyadi-iio cannot be used ({reason}); {INSTALL}"


class PlutoLink:
    """One open context. Every method raises DeviceError with one sentence when the link is down."""

    def __init__(self, uri: str, address: str, role: Literal["tx", "rx"], channels: int) -> None:
        sentence = missing()
        if sentence:
            raise DeviceError(f"{uri} cannot be opened: {sentence}.")
        import adi

        self.uri, self._role, self.channels = uri, role, channels
        try:
            self._sdr: Any = (adi.Pluto if channels == 1 else adi.ad9361)(uri=address)
        except Exception:
            raise DeviceError(
                f"No Pluto answers at {address}; check the address, or find it with `iio_info -s`."
            ) from None
        with self._explained("be opened"):
            self._sdr.ctx.set_timeout(_TIMEOUT_MS)
            phy = self._sdr.ctx.find_device("ad9361-phy")
            serial = dict(self._sdr.ctx.attrs).get("hw_serial")
            self.hardware = f"pluto {serial}" if serial else None
            self._phy = phy
            self._data = self._sdr.ctx.find_device("cf-ad9361-lpc" if role == "rx" else "cf-ad9361-dds-core-lpc")
            present = len([c for c in self._data.channels if c.scan_element]) // 2
            if channels > present:
                raise DeviceError(f"{uri} has {present} channel, not {channels}.")
            self._path = phy.find_channel("voltage0", role == "tx")
            self._lo = phy.find_channel("altvoltage1" if role == "tx" else "altvoltage0", True)
            low_rate, high_rate = self._limits(self._path, "sampling_frequency", (25e6 / 12, 61.44e6))
            self.rate_limits_hz = (np.ceil(low_rate / _LOWEST_FIR_DIVISOR), high_rate)
            self.carrier_limits_hz = self._limits(self._lo, "frequency", (325e6, 3.8e9))
            default_gain = (-89.75, 0.0) if role == "tx" else (-3.0, 71.0)
            self.gain_limits_db = self._limits(self._path, "hardwaregain", default_gain)
            self.bandwidth_limits_hz = self._limits(self._path, "rf_bandwidth", (200e3, 56e6))

    def apply(self, settings: RadioSettings, fir_file: str | None = None) -> RadioSettings:
        """Set rate (with the FIR that it needs, or one of the caller's), carrier, filter and gain; read them back.

        ConfigurationError for what lies outside the device's limits. A transmitter's gain stays at its lowest
        until `radiate`.
        """
        gain_db = settings.tx_gain_db if self._role == "tx" else settings.rx_gain_db
        bandwidth_hz = settings.bandwidth_hz or settings.sample_rate_hz
        low, high = self.bandwidth_limits_hz
        check_settings(
            self.uri,
            settings,
            gain_db,
            rate_hz=self.rate_limits_hz,
            carrier_hz=self.carrier_limits_hz,
            gains_db=self.gain_limits_db,
        )
        with self._explained("be configured"):
            if fir_file is None:
                self._sdr.sample_rate = round(settings.sample_rate_hz)
            else:
                self._sdr.filter = fir_file  # reads the file, switches the filter on
                self._path.attrs["sampling_frequency"].value = str(round(settings.sample_rate_hz))
            self._lo.attrs["frequency"].value = str(round(settings.center_frequency_hz))
            self._path.attrs["rf_bandwidth"].value = str(round(min(max(bandwidth_hz, low), high)))
            if self._role == "rx" and gain_db is not None:
                for channel in self._paths():
                    channel.attrs["gain_control_mode"].value = "manual"
                    channel.attrs["hardwaregain"].value = f"{gain_db:.2f}"
            return self._applied(gain_db)

    def _applied(self, gain_db: float | None) -> RadioSettings:
        read_db = _number(self._path.attrs["hardwaregain"].value)
        if self._role == "tx" and gain_db is not None:  # its present value is "off": round as the device does
            read_db = round(gain_db * 4) / 4
        return RadioSettings(
            sample_rate_hz=_number(self._path.attrs["sampling_frequency"].value),
            center_frequency_hz=_number(self._lo.attrs["frequency"].value),
            tx_gain_db=read_db if self._role == "tx" else None,
            rx_gain_db=read_db if self._role == "rx" else None,
            bandwidth_hz=_number(self._path.attrs["rf_bandwidth"].value),
        )

    def radiate(self, gain_db: float | None) -> None:
        """Power the transmitter's oscillator up and set its gain; None: oscillator off, lowest gain."""
        with self._explained("be switched"):
            if "powerdown" in self._lo.attrs:
                self._lo.attrs["powerdown"].value = "0" if gain_db is not None else "1"
            for channel in self._paths():
                channel.attrs["hardwaregain"].value = f"{self.gain_limits_db[0] if gain_db is None else gain_db:.2f}"

    def track(self, name: str, on: bool) -> None:
        """Switch a correction of the receiver: quadrature, rf_dc_offset or bb_dc_offset."""
        with self._explained("be configured"):
            for channel in self._paths():
                channel.attrs[f"{name}_tracking_en"].value = "1" if on else "0"

    def open_buffer(self, n_samples: int, cyclic: bool = False) -> Any:
        """A libiio buffer of n_samples per channel. DeviceError when another program has it."""
        import iio

        with self._explained("open a sample buffer"):
            for channel in self._data.channels:
                if channel.scan_element:
                    channel.enabled = False
            for number in range(2 * self.channels):
                self._data.find_channel(f"voltage{number}", self._role == "tx").enabled = True
            if self._role == "tx":
                self._sdr.disable_dds()
            return iio.Buffer(self._data, n_samples, cyclic)

    def take_status(self) -> int:
        """Status bits since the last call (UNDERFLOW_BIT, OVERFLOW_BIT), which are cleared."""
        with self._explained("be asked"):
            status = int(self._data.reg_read(_STATUS))
            if status & (UNDERFLOW_BIT | OVERFLOW_BIT):
                self._data.reg_write(_STATUS, _CLEAR)
            return status

    def locked(self) -> bool:
        """Whether the oscillator of this direction has lock."""
        with self._explained("be asked"):
            return bool(self._phy.reg_read(_PLL_REGISTERS[self._role]) & _LOCKED_BIT)

    def _paths(self) -> Iterator[Any]:
        for number in range(self.channels):
            yield self._phy.find_channel(f"voltage{number}", self._role == "tx")

    def _limits(self, channel: Any, name: str, default: tuple[float, float]) -> tuple[float, float]:
        """(low, high) from `name_available`, which reads [low step high]."""
        if f"{name}_available" not in channel.attrs:
            return default
        numbers = [float(text) for text in re.findall(r"-?\d+(?:\.\d+)?", channel.attrs[f"{name}_available"].value)]
        return (numbers[0], numbers[-1]) if len(numbers) >= 2 else default

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if error.filename:
                raise ConfigurationError(f"{self.uri}: {error.filename} does not exist.") from None
            raise DeviceError(f"{self.uri} cannot {what}: {error.strerror}.") from None
        except OSError as error:
            if error.errno == 16:
                raise DeviceError(f"{self.uri} is in use by another program.") from None
            raise DeviceError(f"{self.uri} cannot {what}: {error.strerror or error}.") from None


def _number(text: str) -> float:
    match = re.match(r"\s*(-?\d+(?:\.\d+)?)", text)
    if match is None:
        raise DeviceError(f"a Pluto answered {text!r} where a number was expected.")
    return float(match[1])
