"""URIs, and what a doctor says."""

import pytest

from radio.backends import describe_backends
from radio.errors import ConfigurationError, DeviceError
from radio.safety.open import open_radio


@pytest.mark.parametrize("uri", ["", "hackrf:0", "/dev/radio"])
def test_unknown_schemes_list_what_exists(uri):
    with pytest.raises(ConfigurationError, match="sim:"):
        open_radio(uri, role="rx")


def test_describe_backends():
    reports = {report.name: report for report in describe_backends()}
    assert reports["sim"].available and reports["sim"].reason == ""
    assert reports["pluto"].available or "libiio" in reports["pluto"].reason


@pytest.mark.parametrize("uri", ["sim:nonsense", "sim:tcp://127.0.0.1"])
def test_a_bad_address_is_one_sentence(uri):
    with pytest.raises(DeviceError, match="not an address like sim:tcp"):
        open_radio(uri, role="rx")
