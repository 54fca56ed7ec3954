"""The transmit guard."""

import numpy as np
import pytest
from pydantic import ValidationError

from radio.device import RadioSettings
from radio.errors import TransmitRefused
from radio.safety.guard import GuardConfig, GuardedRadio, TransmitGuard
from radio.samples import Samples


def settings(center_hz=2.45e9, gain_db=None, rate_hz=4e6, bandwidth_hz=None):
    return RadioSettings(rate_hz, center_hz, tx_gain_db=gain_db, bandwidth_hz=bandwidth_hz)


def samples(*values):
    return Samples(np.array([values], np.complex64), 0, 4e6)


def test_bands_gains_and_peaks():
    guard = TransmitGuard(GuardConfig(allowed_bands_hz=((433e6, 435e6),), max_tx_gain_db=-20, max_peak=0.5))
    guard.check_settings(settings(434e6, -20.0, 1e6))
    with pytest.raises(TransmitRefused, match=r"434.4-435.4 MHz is not allowed; allowed: 433-435 MHz"):
        guard.check_settings(settings(434.9e6, -20.0, 1e6))
    guard.check_settings(settings(434.9e6, -20.0, 1e6, bandwidth_hz=1e5))
    for gain_db in (-19.0, float("nan")):
        with pytest.raises(TransmitRefused, match="at most -20 dB"):
            guard.check_settings(settings(434e6, gain_db, 1e6))
    guard.check_burst(samples(0.5, -0.5j))
    with pytest.raises(TransmitRefused, match=r"peak is 0.6; at most 0.5"):
        guard.check_burst(samples(0.6))


@pytest.mark.parametrize("value", [np.nan, np.inf, complex(0, np.nan)])
def test_what_is_not_finite_is_refused(value):
    with pytest.raises(TransmitRefused, match="not finite"):
        TransmitGuard().check_burst(samples(0.1, value))


def test_defaults_are_the_ism_band_and_no_amplification():
    guard = TransmitGuard()
    guard.check_settings(settings(2.45e9, 0.0))
    for bad in (settings(2.4835e9), settings(1e9), settings(gain_db=1.0)):
        with pytest.raises(TransmitRefused):
            guard.check_settings(bad)
    guard.check_burst(samples())
    guard.check_burst(samples(1.00001))


def test_an_empty_list_of_bands_allows_nothing():
    with pytest.raises(TransmitRefused, match="nothing"):
        TransmitGuard(GuardConfig(allowed_bands_hz=())).check_settings(settings())


def test_nonsense_bands_are_refused():
    with pytest.raises(ValidationError, match="low < high"):
        GuardConfig(allowed_bands_hz=((2e9, 1e9),))


class FakeRadio:
    """Keeps what was sent; applies a carrier of its own choice when told so."""

    uri = "fake:"
    capabilities = None

    def __init__(self, applies=None):
        self.sent, self.applies = [], applies

    def configure(self, asked):
        return self.applies or asked

    def transmit(self, burst):
        self.sent.append(burst)


def test_a_guarded_transmitter_must_be_configured_first():
    radio = FakeRadio()
    guarded = GuardedRadio(radio, TransmitGuard(), "tx")
    with pytest.raises(TransmitRefused, match="configured"):
        guarded.transmit(samples(0.1))
    guarded.configure(settings())
    guarded.transmit(samples(0.1))
    with pytest.raises(TransmitRefused):
        guarded.transmit(samples(1.5))
    assert len(radio.sent) == 1


def test_what_the_device_made_of_it_counts():
    radio = FakeRadio(applies=settings(2.5e9))
    guarded = GuardedRadio(radio, TransmitGuard(), "tx")
    with pytest.raises(TransmitRefused):
        guarded.configure(settings())
    with pytest.raises(TransmitRefused):
        guarded.transmit(samples(0.1))
    assert not radio.sent
