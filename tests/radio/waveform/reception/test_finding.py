"""Bursts whose beginning is unknown, over the tests' own channel."""

import tracemalloc

import numpy as np
import pytest

from radio.samples import Samples
from radio.waveform.config import WaveformConfig
from radio.waveform.reception import finding
from radio.waveform.reception.receiver import BurstReceiver

from ..propagation import noise
from .test_receiver import START, air

EIGHT = WaveformConfig(users=8)


def places(frame):
    return [frame.start_tick - 1000 - START + user.delay_samples for user in frame.users]


@pytest.mark.slow
@pytest.mark.parametrize("snr_db", [-4.0, 10.0])  # of all users together: the weaker preambles are not loud
def test_eight_users_are_found_wherever_the_burst_begins_and_memory_is_small(snr_db):
    rng = np.random.default_rng(1)
    cfo_hz, delays = rng.uniform(-20e3, 20e3, 8), rng.uniform(0, 4, 8)
    samples, _ = air(EIGHT, 600, rng, snr_db=snr_db, cfo_hz=cfo_hz, delays=delays, tail=16_000)
    tracemalloc.start()
    frame = BurstReceiver(EIGHT).receive(samples)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert all(user.detected for user in frame.users)
    assert places(frame) == pytest.approx(delays, abs=1.5)
    assert [user.cfo_hz for user in frame.users] == pytest.approx(cfo_hz, abs=300)
    assert peak < 120e6


@pytest.mark.parametrize("snr_db", [0.0, 30.0])
def test_absent_users_are_not_found_wherever_the_burst_begins(snr_db):
    config = WaveformConfig(users=4)
    for present in range(4):
        samples, _ = air(config, 300, np.random.default_rng(present), snr_db=snr_db, users=[present], tail=9000)
        frame = BurstReceiver(config).receive(samples)
        assert [user.detected for user in frame.users] == [user == present for user in range(4)]
        assert places(frame)[present] == pytest.approx(0.3 + 1.7 * present, abs=1.0)


def test_noise_alone_is_nobody():
    rng = np.random.default_rng(3)
    assert BurstReceiver(EIGHT).receive(Samples(noise(rng, 30_000, 1.0).astype(np.complex64), 0, 4e6)) is None


def test_once_one_user_is_found_the_others_are_sought_beside_it(monkeypatch):
    """What takes long is done for as few users as possible: here for none, as the preambles are loud."""
    searched = []
    monkeypatch.setattr(finding, "acquire_anywhere", lambda data, grid, user: searched.append(user))
    samples, _ = air(EIGHT, 300, np.random.default_rng(4), snr_db=10, tail=20_000)
    assert all(user.detected for user in BurstReceiver(EIGHT).receive(samples).users)
    assert searched == []
