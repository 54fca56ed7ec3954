"""Stored calibrations as lines; a clock that was set back makes no negative age."""

import time

import pytest

from calibration.store.record import Calibration, Device
from hil.calibrating.table import stored


@pytest.mark.parametrize(("set_back_s", "age"), [(0.0, "2.0 h old"), (3 * 3600.0, "dated 1.0 h ahead")])
def test_how_old_a_calibration_is(monkeypatch, set_back_s, age):
    device = Device(serial="a", role="rx", center_frequency_hz=2.45e9, sample_rate_hz=4e6)
    one = Calibration(device=device, measured_unix_s=1e9)
    monkeypatch.setattr(time, "time", lambda: 1e9 + 2 * 3600.0 - set_back_s)
    [line] = stored([one])
    assert age in line and "-" not in line.partition(",")[2].partition(":")[0]
