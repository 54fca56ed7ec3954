"""A machine without libiio."""

import sys

import pytest

from radio.backends import describe_backends
from radio.errors import DeviceError
from radio.safety.open import open_radio


def test_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "adi", None)
    with pytest.raises(DeviceError, match=r"apt-get install libiio0 libiio-utils; pip install .semnoma-hil\[pluto\]"):
        open_radio("pluto", role="rx")
    report = next(report for report in describe_backends() if report.name == "pluto")
    assert not report.available and "apt-get install libiio0" in report.reason
