"""The SoapySDR backend over the real library and a device that hears itself."""

import contextlib

import numpy as np
import pytest

from radio.device import RadioSettings
from radio.errors import ConfigurationError, DeviceError
from radio.libraries import soapy
from radio.safety.guard import GuardConfig, TransmitGuard
from radio.safety.open import open_radio
from radio.samples import EventKind, Samples
from tests.radio.opened import opening

RATE_HZ = 1e6
SETTINGS = RadioSettings(RATE_HZ, 2.45e9, tx_gain_db=10.0, rx_gain_db=20.0)
GUARD = TransmitGuard(GuardConfig(max_tx_gain_db=30))


@pytest.fixture
def radios(soapy_loopback):
    with opening(GUARD, sentinel=False) as open_one:
        yield lambda role, extra="", settings=SETTINGS: open_one(f"soapy:driver=testloopback{extra}", role, settings)


def noise(n):
    rng = np.random.default_rng(8)
    return (rng.standard_normal((1, n, 2)) @ [0.1, 0.1j]).astype(np.complex64)


def kinds(radio):
    return [event.kind for event in radio.events()]


def test_a_timed_burst_comes_back_at_its_tick(radios):
    tx, rx = radios("tx"), radios("rx")
    assert tx.capabilities.timed_transmit
    burst, start = noise(10_000), tx.now_tick() + 200_000
    tx.transmit(Samples(burst, start, RATE_HZ))
    got = rx.receive(start - 100, 10_200)
    assert got.start_tick == start - 100
    np.testing.assert_array_equal(got.data[0, 100:10_100], burst[0])
    assert not got.data[0, :100].any() and kinds(tx) == [] and kinds(rx) == []


def test_settings_are_read_back_and_limits_are_the_devices(radios):
    radio = radios("rx", "", None)
    assert radio.capabilities.center_frequency_hz == (1e8, 4e9)
    assert radio.configure(RadioSettings(1e6, 2e9, rx_gain_db=20.7, bandwidth_hz=5e5)) == RadioSettings(
        1e6, 2e9, None, 20.0, 5e5
    )
    with pytest.raises(ConfigurationError, match="a gain of 61 dB is not in 0 to 60"):
        radio.configure(RadioSettings(1e6, 2e9, rx_gain_db=61))


def test_late_underflow_and_overflow_are_events(radios):
    tx = radios("tx", "", RadioSettings(RATE_HZ, 2.45e9, tx_gain_db=13.0))
    tx.transmit(Samples(noise(10), tx.now_tick() - 500, RATE_HZ))
    assert kinds(tx) == [EventKind.LATE]
    tx.transmit(Samples(noise(10), tx.now_tick() + 50_000, RATE_HZ))
    assert kinds(tx) == [EventKind.UNDERFLOW]
    rx = radios("rx", "", RadioSettings(RATE_HZ, 2.45e9, rx_gain_db=13.0))
    rx.receive(rx.now_tick() + 20_000, 100)
    [event] = rx.events()
    assert event.kind == EventKind.OVERFLOW and event.count >= 5000


def test_a_device_without_time_sends_at_once(radios):
    tx, rx = radios("tx", ",clock=none"), radios("rx", ",clock=none")
    assert not tx.capabilities.timed_transmit
    begin = rx.receive(0, 1000).end_tick
    burst = noise(5000)
    tx.transmit(Samples(burst, 10**9, RATE_HZ))
    heard = rx.receive(begin, 300_000).data[0]
    first = int(np.flatnonzero(heard)[0])
    assert heard[first] == burst[0, 0]


def test_what_is_not_there_is_one_sentence(radios, monkeypatch):
    with pytest.raises(DeviceError, match="No SoapySDR device answers to driver=nothing"):
        open_radio("soapy:driver=nothing", role="rx")
    with pytest.raises(DeviceError, match="has 1 channels for this direction, not 2"):
        radios("rx", "?channels=2")


def test_a_bare_scheme_opens_the_only_device(soapy_loopback):
    with contextlib.closing(open_radio("soapy", role="rx")) as radio:
        assert radio.uri == "soapy:driver=testloopback,serial=7"


def test_without_the_library_it_says_what_to_install(monkeypatch):
    soapy.load.cache_clear()
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    with pytest.raises(DeviceError, match="SoapySDR is not installed; apt-get install soapysdr-tools"):
        open_radio("soapy:driver=lime", role="rx")


def test_a_library_that_is_none_is_a_sentence(monkeypatch, tmp_path):
    soapy.load.cache_clear()
    (tmp_path / "libSoapySDR.so").write_text("no library")
    monkeypatch.setenv(soapy.VARIABLE, str(tmp_path / "libSoapySDR.so"))
    with pytest.raises(DeviceError, match=r"libSoapySDR.so .named by SEMNOMA_HIL_LIBSOAPYSDR. cannot be loaded"):
        open_radio("soapy:driver=lime", role="rx")


def test_a_transmitter_repeats_a_burst_and_exchanges_it_in_phase(radios):
    tx, rx = radios("tx", "?repeat=1"), radios("rx")
    assert tx.capabilities.repeat_transmit and not tx.capabilities.timed_transmit
    first, second = noise(5000), noise(10_000)[:, 5000:]
    tx.transmit(Samples(first, 0, RATE_HZ))

    def period_start(burst):
        """Tick modulo the period at which the burst begins to be heard."""
        heard = rx.receive(rx.now_tick() + 900_000, 2 * burst.size)
        place = int(np.flatnonzero(heard.data[0, : burst.size] == burst[0, 0])[0])
        np.testing.assert_array_equal(heard.data[0, place : place + burst.size], burst[0])
        return (heard.start_tick + place) % burst.size

    before = period_start(first)
    tx.configure(RadioSettings(RATE_HZ, 2.45e9, tx_gain_db=7.0, rx_gain_db=20.0))
    tx.transmit(Samples(second, 1234, RATE_HZ))
    assert (period_start(second) - before) % 5000 == 1234
    tx._radio.silence()
    rx.receive(rx.now_tick() + 600_000, 10)
    assert not rx.receive(rx.now_tick() + 100_000, 5000).data.any()
