"""Content of a calibration file. Unmeasured values are null; the null calibration changes nothing."""

import time
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from calibration.measure.measurement import Measurement
from calibration.measure.receive_imbalance import ReceiveImbalance
from calibration.measure.transmit_imbalance import TransmitImbalance

FORMAT = 1
FREQUENCY_TOLERANCE_HZ = 5e6  # IQ balance of low-cost mixers changes over tens of MHz
GAIN_TOLERANCE_DB = 1.0
TEMPERATURE_TOLERANCE_C = 10.0
MAX_AGE_S = 24 * 3600.0


_ALWAYS = ("format", "device", "measured_unix_s")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Device(_Record):
    """A radio and what it is set to. hardware: kind and serial number that the device itself tells.

    hardware, gain_db, temperature_c: null where unknown.
    """

    serial: str = Field(min_length=1, max_length=1000)
    hardware: str | None = Field(default=None, max_length=200)
    role: Literal["tx", "rx"]
    center_frequency_hz: float = Field(gt=0)
    sample_rate_hz: float = Field(gt=0)
    gain_db: float | None = None
    temperature_c: float | None = None


class Value(_Record):
    """A measured value with its standard uncertainty."""

    value: float
    standard_uncertainty: float = Field(ge=0)
    unit: str = Field(max_length=16)

    @classmethod
    def of(cls, measurement: Measurement) -> "Value":
        return cls(
            value=measurement.value, standard_uncertainty=measurement.standard_uncertainty, unit=measurement.unit
        )

    def measurement(self) -> Measurement:
        return Measurement(self.value, self.standard_uncertainty, self.unit)


class ReceiveRecord(_Record):
    """See `measure.receive_imbalance`."""

    gain: Value
    phase: Value
    dc_i: Value
    dc_q: Value

    @classmethod
    def of(cls, found: ReceiveImbalance) -> "ReceiveRecord":
        return cls(**{name: Value.of(getattr(found, name)) for name in ("gain", "phase", "dc_i", "dc_q")})

    def correct(self, data: np.ndarray) -> np.ndarray:
        """complex64 [..., n] with imbalance and offset taken out."""
        parts = (part.measurement() for part in (self.gain, self.phase, self.dc_i, self.dc_q))
        return ReceiveImbalance(*parts).correct(data)


class TransmitRecord(_Record):
    """See `measure.transmit_imbalance`; complex numbers as (re, im)."""

    image: tuple[float, float]
    leakage: tuple[float, float]
    image_level: Value
    leakage_level: Value

    @classmethod
    def of(cls, found: TransmitImbalance) -> "TransmitRecord":
        return cls(
            image=(found.image.real, found.image.imag),
            leakage=(found.leakage.real, found.leakage.imag),
            image_level=Value.of(found.image_level),
            leakage_level=Value.of(found.leakage_level),
        )

    def predistort(self, burst: np.ndarray) -> np.ndarray:
        """complex64 [n] that leaves the transmitter as the burst."""
        levels = self.image_level.measurement(), self.leakage_level.measurement()
        return TransmitImbalance(complex(*self.image), complex(*self.leakage), *levels).predistort(burst)


class Calibration(_Record):
    """carrier_offset: ppm against the receiver; delay: samples; path_gain: dB at transmit gain 0.

    transmit_gain: dB to add to the transmit gain for the wanted powers; noise_floor: dBFS.
    """

    format: Literal[1] = 1
    device: Device
    measured_unix_s: float = Field(ge=0)
    receive: ReceiveRecord | None = None
    transmit: TransmitRecord | None = None
    carrier_offset: Value | None = None
    delay: Value | None = None
    path_gain: Value | None = None
    transmit_gain: Value | None = None
    noise_floor: Value | None = None

    @classmethod
    def null(cls, device: Device) -> "Calibration":
        """Of an uncalibrated device: takes the same path, changes nothing."""
        return cls(device=device, measured_unix_s=time.time())

    @property
    def is_null(self) -> bool:
        return all(getattr(self, name) is None for name in type(self).model_fields if name not in _ALWAYS)

    def correct_received(self, data: np.ndarray) -> np.ndarray:
        """complex64 [..., n]; the very array without a receive record."""
        return data if self.receive is None else self.receive.correct(data)

    def predistort(self, burst: np.ndarray) -> np.ndarray:
        """complex64 [n]; the very array without a transmit record."""
        return burst if self.transmit is None else self.transmit.predistort(burst)

    def misfit(self, device: Device, now_unix_s: float, max_age_s: float = MAX_AGE_S) -> str | None:
        """Why this calibration must not be used for the device now, as a clause; None when it may."""
        own = self.device
        if (own.serial, own.role) != (device.serial, device.role):
            return f"it is of {own.role} {own.serial}, not of {device.role} {device.serial}"
        if None not in (own.hardware, device.hardware) and own.hardware != device.hardware:
            return f"it was made with {own.hardware}, and {device.hardware} is there now"
        if abs(own.center_frequency_hz - device.center_frequency_hz) > FREQUENCY_TOLERANCE_HZ:
            return f"it is for {own.center_frequency_hz / 1e6:g} MHz, not {device.center_frequency_hz / 1e6:g} MHz"
        if abs(own.sample_rate_hz / device.sample_rate_hz - 1) > 1e-6:
            return f"it is for {own.sample_rate_hz:g} samples/s, not {device.sample_rate_hz:g}"
        age_s = now_unix_s - self.measured_unix_s
        if age_s > max_age_s:
            return f"it is {age_s / 3600:.1f} h old and may be {max_age_s / 3600:.1f} h at most"
        if age_s < -60:
            return "it was made in the future: one of the clocks is wrong"
        for name, unit, tolerance in (
            ("gain_db", "dB", GAIN_TOLERANCE_DB),
            ("temperature_c", "degrees C", TEMPERATURE_TOLERANCE_C),
        ):
            then, now = getattr(own, name), getattr(device, name)
            if then is not None and now is not None and abs(then - now) > tolerance:
                return f"it was made at {then:g} {unit} and the device is at {now:g} {unit}"
        return None
