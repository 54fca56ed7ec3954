"""The carrier loop against oscillators that are known exactly, and the side information's scaling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.feedback import CarrierLoop, side_information
from hil.messages import CsiReport, UserCsi

RATE_HZ = 4e6


def report(slot, users, snr_db=10.0):
    return CsiReport(slot, None, 0, 0, snr_db, users)


def user(index, cfo_hz=0.0, gain=1.0, phase_rad=0.0):
    return UserCsi(index, cfo_hz, 0.0, gain, phase_rad, 7.0)


@given(st.floats(-50e3, 50e3))
def test_the_loop_takes_away_what_the_receiver_measures(offset_hz):
    loop = CarrierLoop()
    for slot in range(4):
        loop.apply(np.ones(8, np.complex64), RATE_HZ, slot)
        residual_hz = offset_hz - loop.correction_hz
        loop.update(report(slot, [user(0, residual_hz)]), 0)
    assert loop.correction_hz == pytest.approx(offset_hz, abs=1e-6)


def test_noise_of_the_measurements_is_averaged():
    rng = np.random.default_rng(1)
    errors = []
    for _ in range(200):
        loop = CarrierLoop()
        for slot in range(40):
            loop.apply(np.ones(8, np.complex64), RATE_HZ, slot)
            loop.update(report(slot, [user(0, 1000.0 - loop.correction_hz + 20 * rng.standard_normal())]), 0)
        errors.append(loop.correction_hz - 1000.0)
    # A first-order loop of weight w leaves w / (2 - w) of the variance: 0.143 for w = 1/4.
    assert np.std(errors) == pytest.approx(20 * np.sqrt(0.25 / 1.75), rel=0.2)


def test_a_stale_repeated_or_foreign_report_changes_nothing():
    loop = CarrierLoop()
    loop.apply(np.ones(8, np.complex64), RATE_HZ, 0)
    loop.update(report(0, [user(0, 100.0)]), 0)
    for again in (report(0, [user(0, 100.0)]), report(7, [user(0, 5.0)]), report(0, [user(1, 5.0)])):
        loop.update(again, 0)
    assert loop.correction_hz == 100.0 and loop.measurements == 1


def test_a_measurement_that_is_not_a_number_is_ignored():
    loop = CarrierLoop()
    loop.apply(np.ones(8, np.complex64), RATE_HZ, 0)
    loop.update(report(0, [user(0, float("nan"))]), 0)
    assert loop.correction_hz == 0.0


def test_pre_correction_moves_the_carrier_by_exactly_its_value():
    loop = CarrierLoop(correction_hz=12_345.0)
    n = np.arange(4000)
    tone = np.exp(2j * np.pi * 50_000.0 / RATE_HZ * n).astype(np.complex64)
    expected = np.exp(2j * np.pi * (50_000.0 - 12_345.0) / RATE_HZ * n)
    np.testing.assert_allclose(loop.apply(tone, RATE_HZ, 0), expected, atol=2e-6)


def test_no_correction_leaves_the_samples_untouched():
    burst = np.arange(8).astype(np.complex64)
    assert CarrierLoop().apply(burst, RATE_HZ, 0) is burst


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
