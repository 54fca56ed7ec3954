"""Users on channel uses of their own whose carriers are apart, against the same users on one carrier."""

import numpy as np
import pytest

from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver
from tests.radio.waveform.quality.test_quality import decibels, true_sinr
from tests.radio.waveform.reception.test_receiver import START, air

K = 8000


def sinrs_db(apart_hz, seed, snr_db):
    """Of each user's symbols where it sends: the true SINR and the stated one."""
    config = WaveformConfig()
    rng, powers = np.random.default_rng(seed), np.array([[2.0, 0.0], [0.0, 2.0]])
    cfo_hz = [300 + apart_hz / 2, 300 - apart_hz / 2]
    samples, symbols = air(config, K, rng, snr_db=snr_db, cfo_hz=cfo_hz, parted=True)
    found = []
    for user in BurstReceiver(config).receive(samples, 1000 + START, powers=powers).users:
        own = slice(user.user * K // 2, (user.user + 1) * K // 2)
        true = true_sinr(user.features[own], symbols[user.user][own])
        found.append((decibels(true), user.quality.separated_sinr_db))
    return np.array(found).T


@pytest.mark.parametrize("snr_db", [10, 20])
def test_two_ppm_between_carriers_cost_little_and_the_cost_is_stated(snr_db):
    """4.9 kHz of a spacing of 15.6 kHz: 28 % of the power falls beside its subcarriers; before, 11 dB were lost."""
    for seed in range(2):
        together, apart = sinrs_db(0.0, seed, snr_db)[0], sinrs_db(4900.0, seed, snr_db)
        assert (together - apart[0] < 1.5).all()
        np.testing.assert_allclose(apart[1], apart[0], atol=1.0)


def test_carriers_too_far_apart_are_left_as_they_are():
    true, stated = sinrs_db(20000.0, 1, 20)
    assert (true > 0).all() and np.abs(stated - true).max() < 1.5
