"""The side information's scaling."""

import numpy as np
import pytest

from hil.bus.messages import CsiReport, UserCsi
from hil.session.feedback import side_information


def report(slot, users, snr_db=10.0):
    return CsiReport(slot, None, 0, 0, snr_db, users)


def user(index, cfo_hz=0.0, gain=1.0, phase_rad=0.0):
    return UserCsi(index, cfo_hz, 0.0, gain, phase_rad, 7.0)


def test_side_information_of_two_users_is_what_was_measured():
    side = side_information(report(0, [user(0, gain=1.2, phase_rad=0.5), user(1, gain=0.75)]), 2)
    assert side.snr_db == pytest.approx(10.0)
    np.testing.assert_allclose(side.gains, [1.2, 0.75])
    np.testing.assert_allclose(side.phases_rad, [0.5, 0.0])


def test_a_missing_user_has_no_gain_and_the_snr_keeps_its_meaning():
    # One of two users sends with power 1/2: noise 1/20 gives 10 dB of total SNR now, 13 dB with both on the air.
    side = side_information(report(0, [user(1)]), 2)
    np.testing.assert_allclose(side.gains, [0.0, 1.0])
    assert side.snr_db == pytest.approx(10 + 10 * np.log10(2))


def test_without_a_report_the_default_is_used():
    for nothing in (None, report(0, [], snr_db=None)):
        assert side_information(nothing, 2).snr_db == 10.0
