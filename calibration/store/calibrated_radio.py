"""A radio with its calibration in place: what is sent is predistorted and advanced, what is received is corrected."""

from dataclasses import replace

import numpy as np

from calibration.errors import CalibrationError
from calibration.store.record import Calibration
from radio.device import Capabilities, Radio, RadioSettings
from radio.samples import RadioEvent, Samples


class CalibratedRadio:
    """`radio.device.Radio`; with the null calibration every sample passes untouched.

    The carrier is left to the caller's loop, which may start from the calibration's carrier_offset.
    """

    def __init__(self, radio: Radio, calibration: Calibration) -> None:
        self._radio = radio
        self.calibration = calibration
        self.uri = radio.uri
        self.capabilities: Capabilities = radio.capabilities
        self.advance_ticks = round(calibration.delay.value) if calibration.delay else 0

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """The calibration's transmit gain comes on top of the one asked for, or of the device's own where none is.

        The gain that is returned is without it, as the one that was asked for.
        """
        if self.calibration.transmit_gain is None:
            return self._radio.configure(settings)
        extra_db = self.calibration.transmit_gain.value
        if settings.tx_gain_db is None:
            settings = replace(settings, tx_gain_db=self._radio.configure(settings).tx_gain_db)
        if settings.tx_gain_db is None:
            raise CalibrationError(f"{self.uri} tells no transmit gain: radio.tx_gain_db must be set to calibrate it.")
        applied = self._radio.configure(replace(settings, tx_gain_db=settings.tx_gain_db + extra_db))
        gain_db = settings.tx_gain_db if applied.tx_gain_db is None else applied.tx_gain_db - extra_db
        return replace(applied, tx_gain_db=gain_db)

    def transmit(self, burst: Samples) -> None:
        """Peaks that predistortion lifts above full scale are limited."""
        data = burst.data
        if self.calibration.transmit is not None:
            data = np.stack([self.calibration.predistort(row) for row in data])
            data = (data / np.maximum(np.abs(data), np.float32(1.0))).astype(np.complex64)
        self._radio.transmit(Samples(data, burst.start_tick - self.advance_ticks, burst.sample_rate_hz))

    def receive(self, start_tick: int, n_samples: int, timeout_s: float = 10.0) -> Samples:
        samples = self._radio.receive(start_tick, n_samples, timeout_s)
        if self.calibration.receive is None:
            return samples
        return Samples(self.calibration.correct_received(samples.data), samples.start_tick, samples.sample_rate_hz)

    def now_tick(self) -> int:
        return self._radio.now_tick()

    def idle_until(self, tick: int) -> None:
        """A burst leaves earlier than its tick, and so the promise is shorter."""
        self._radio.idle_until(tick - max(self.advance_ticks, 0))

    def events(self) -> list[RadioEvent]:
        return self._radio.events()

    def close(self) -> None:
        self._radio.close()
