"""Payload quality measured on pilots, against the true quality of features that went through the tests' own channel."""

import numpy as np
import pytest

from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver
from tests.radio.waveform.propagation import noise
from tests.radio.waveform.reception.test_receiver import START, air


def true_sinr(features, symbols):
    """Linear: power of what follows the sent symbols over the power of what does not."""
    gain = np.vdot(symbols, features) / np.vdot(symbols, symbols)
    rest = features - gain * symbols
    return np.vdot(gain * symbols, gain * symbols).real / np.vdot(rest, rest).real


def decibels(value):
    return 10 * np.log10(value)


@pytest.mark.parametrize("users, antennas", [(1, 1), (2, 2), (2, 1)])
@pytest.mark.parametrize("snr_db", [0, 12, 25])
def test_the_measured_sinr_of_clean_bursts_is_the_true_one(users, antennas, snr_db):
    config = WaveformConfig(users=users, rx_antennas=antennas)
    errors = []
    for seed in range(4):
        samples, symbols = air(config, 4000, np.random.default_rng(seed), snr_db=snr_db)
        frame = BurstReceiver(config).receive(samples, 1000 + START)
        for user in frame.users:
            errors.append(user.quality.sinr_db - decibels(true_sinr(user.features, symbols[user.user])))
            assert not user.quality.hit.any()
    assert abs(np.median(errors)) < 1 and np.max(np.abs(errors)) < 1.5, errors
