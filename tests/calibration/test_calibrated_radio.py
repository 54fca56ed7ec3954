"""A calibrated radio against a radio that writes down what it is asked to do."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.errors import CalibrationError
from calibration.store.calibrated_radio import CalibratedRadio
from calibration.store.record import Calibration, Device, Value
from radio.device import Capabilities, RadioSettings
from radio.samples import Samples

from .test_store import full

DEVICE = Device(serial="1", role="tx", center_frequency_hz=2.45e9, sample_rate_hz=4e6)


class Notebook:
    uri = "note:"
    capabilities = Capabilities((4e6, 4e6), (2.45e9, 2.45e9), (-90, 0), (0, 0))

    def __init__(self):
        self.sent, self.promised, self.settings = None, None, None

    def configure(self, settings):
        self.settings = settings
        return settings

    def transmit(self, burst):
        self.sent = burst

    def idle_until(self, tick):
        self.promised = tick

    def receive(self, start_tick, n_samples, timeout_s=10.0):
        return Samples(np.full((2, n_samples), 0.01 - 0.02j, np.complex64), start_tick, 4e6)


def burst(amplitude=0.5):
    return Samples(np.full((1, 64), amplitude, np.complex64), 1000, 4e6)


def test_the_null_calibration_passes_everything_untouched():
    note = Notebook()
    radio, sent = CalibratedRadio(note, Calibration.null(DEVICE)), burst()
    radio.transmit(sent)
    radio.idle_until(2000)
    assert note.sent.data is sent.data and note.sent.start_tick == 1000 and note.promised == 2000
    assert radio.configure(RadioSettings(4e6, 2.45e9)).tx_gain_db is None
    assert radio.receive(0, 4).data[0, 0] == np.complex64(0.01 - 0.02j)


def test_advance_gain_predistortion_and_correction_are_applied():
    note, some = Notebook(), full(DEVICE)
    values = {"delay": Value(value=37.4, standard_uncertainty=0.1, unit="samples")}
    values["transmit_gain"] = Value(value=-6.0, standard_uncertainty=0.1, unit="dB")
    radio = CalibratedRadio(note, some.model_copy(update=values))
    radio.transmit(burst())
    radio.idle_until(2000)
    radio.configure(RadioSettings(4e6, 2.45e9, tx_gain_db=-3.0))
    assert note.sent.start_tick == 963 and note.promised == 1963 and note.settings.tx_gain_db == -9.0
    sent = note.sent.data[0]
    np.testing.assert_allclose(sent + (0.04 - 0.02j) * sent.conj() + 0.003 + 0.001j, 0.5, atol=1e-6)
    np.testing.assert_allclose(radio.receive(0, 8).data, 0, atol=1e-6)  # the stored offset, exactly


def test_predistortion_never_exceeds_full_scale():
    note = Notebook()
    CalibratedRadio(note, full(DEVICE)).transmit(burst(-1.0))
    assert np.abs(note.sent.data).max() <= 1.0 + 1e-6


def test_without_a_gain_of_its_own_a_radio_is_lowered_from_the_devices():
    """None leaves the device's gain: what a calibration adds is added to that, not to 0 dB."""

    class Device(Notebook):
        gain_db = -20.0

        def configure(self, settings):
            self.gain_db = self.gain_db if settings.tx_gain_db is None else settings.tx_gain_db
            return replace(settings, tx_gain_db=self.gain_db)

    device = Device()
    gain = {"transmit_gain": Value(value=-6.0, standard_uncertainty=0.1, unit="dB")}
    radio = CalibratedRadio(device, full(DEVICE).model_copy(update=gain))
    applied = radio.configure(RadioSettings(4e6, 2.45e9))
    assert device.gain_db == -26.0 and applied.tx_gain_db == -20.0
    assert radio.configure(RadioSettings(4e6, 2.45e9, tx_gain_db=-25.0)).tx_gain_db == -25.0
    assert device.gain_db == -31.0
    with pytest.raises(CalibrationError, match="tx_gain_db"):
        CalibratedRadio(Notebook(), radio.calibration).configure(RadioSettings(4e6, 2.45e9))
