"""Delays by kind of radio: which file's entry is used, and what they do to a transmitter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.delays.table import find_delay, kind_of, read_delays, shipped_folder, write_delay
from calibration.errors import CalibrationError
from calibration.measure.measurement import Measurement
from hil.calibrating.apply import with_calibration
from hil.config import load_config
from radio.device import Capabilities, RadioSettings
from radio.samples import Samples

KIND, DRIVER = "usrp B200", "UHD 4.3"


def measured(samples):
    return Measurement(samples, 0.05, "samples")


def test_kinds_have_no_serial_numbers():
    assert kind_of("usrp:serial=30", "usrp B200 30CF9D2") == "usrp B200"
    assert kind_of("soapy:driver=lime#1", "lime 0009") == "soapy lime"
    assert kind_of("sim:tcp://127.0.0.1:5600#0", None) == "sim"


def test_the_users_file_of_this_driver_and_rate_comes_first(tmp_path):
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    for driver, rate, value, folder in (
        (None, 4e6, 3.0, shipped), (DRIVER, 4e6, 5.0, shipped), (DRIVER, 1e6, 7.0, shipped), (DRIVER, 8e6, 9.0, own),
    ):  # fmt: skip
        write_delay(KIND, driver, rate, measured(value), "a test", folder)

    def found(driver, rate):
        entry = find_delay(KIND, driver, rate, (own, shipped))
        return entry and entry.delay.value

    assert [found(DRIVER, rate) for rate in (4e6, 1e6, 8e6, 4.001e6)] == [5.0, 7.0, 9.0, 5.0]
    assert found("UHD 4.11", 4e6) == 3.0 and found("UHD 4.11", 1e6) is None and found(DRIVER, 2e6) is None
    write_delay(KIND, DRIVER, 4e6, measured(6.0), "again", own)
    assert found(DRIVER, 4e6) == 6.0
    assert find_delay("usrp X310", DRIVER, 4e6, (own, shipped)) is None


def test_what_ships_is_whole_and_says_where_it_comes_from():
    entries = [entry for path in shipped_folder().glob("*.yaml") for entry in read_delays(path)]
    assert {"sim", "usrp", "soapy", "pluto"} <= {entry.kind for entry in entries}
    for entry in entries:
        assert (entry.delay is not None) == ("measured" in entry.origin.lower() and "not" not in entry.origin.lower())
    assert find_delay("usrp B200", "UHD 4.3", 4e6, (shipped_folder(),)).delay is None
    assert find_delay("sim", None, 4e6, (shipped_folder(),)).delay.standard_uncertainty < 0.1


@given(st.text(max_size=60))
def test_any_other_file_is_one_sentence(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("delays") / "broken.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CalibrationError) as caught:
        read_delays(path)
    assert "\n" not in str(caught.value)


class Timed:
    uri, hardware, driver = "usrp:serial=30", "usrp B200 30", DRIVER

    def __init__(self, **ways):
        limits = (0.0, 1.0)
        self.capabilities, self.sent = Capabilities(limits, limits, limits, limits, **ways), []

    def configure(self, settings):
        return settings

    def transmit(self, burst):
        self.sent.append(burst.start_tick)


@pytest.mark.parametrize(("ways", "tick"), [({}, 1000 - 12), ({"timed_transmit": False}, 1000)])
def test_a_transmitter_that_keeps_time_sends_as_much_earlier(tmp_path, monkeypatch, ways, tick):
    monkeypatch.setenv("SEMNOMA_HIL_CALIBRATION", str(tmp_path))
    write_delay(KIND, DRIVER, 4e6, measured(12.2), "a test", tmp_path / "delays")
    radio = Timed(**ways)
    calibrated = with_calibration(radio, load_config(), "tx", 0)
    calibrated.configure(RadioSettings(4e6, 2.45e9))
    calibrated.transmit(Samples(np.zeros((1, 8), np.complex64), 1000, 4e6))
    assert radio.sent == [tick]
