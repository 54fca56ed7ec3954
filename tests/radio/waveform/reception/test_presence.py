"""Who is there: absent users, late users and tones, over the tests' own channel."""

import numpy as np
import pytest

from radio.samples import Samples
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver

from ..propagation import noise
from .test_receiver import START, air


@pytest.mark.parametrize("snr_db", [-5, 10, 20, 30, 40])
def test_a_user_who_is_not_there_is_not_found(snr_db):
    config, receiver = WaveformConfig(), BurstReceiver(WaveformConfig())
    for trial in range(24):
        rng, present = np.random.default_rng([trial, snr_db + 5]), trial % 2
        samples, _ = air(config, 0, rng, snr_db=snr_db, cfo_hz=rng.uniform(-9800, 9800, 2), users=[present])
        frame = receiver.receive(samples, 1000 + START)
        assert [user.detected for user in frame.users] == [user == present for user in range(2)]


@pytest.mark.parametrize("late_samples", [36, 40, 60, 100])
@pytest.mark.parametrize("late_user", [0, 1])
def test_a_late_user_is_found_where_it_is_and_not_where_it_should_be(late_user, late_samples):
    config, delays = WaveformConfig(), [2.0, 2.0]
    delays[late_user] += late_samples
    for snr_db in (0.0, 20.0):
        rng = np.random.default_rng(late_samples)
        samples, _ = air(config, 600, rng, snr_db=snr_db, cfo_hz=[4000, -4900], delays=delays)
        frame = BurstReceiver(config).receive(samples, 1000 + START)
        places = [frame.start_tick - 1000 - START + user.delay_samples for user in frame.users]
        assert all(user.detected for user in frame.users)
        assert places == pytest.approx(delays, abs=1.5)


@pytest.mark.parametrize("tone_db", [-5, 0, 20])
def test_a_tone_on_a_subcarrier_is_no_user(tone_db):
    receiver = BurstReceiver(WaveformConfig())
    for trial in range(12):
        rng = np.random.default_rng(trial)
        bin_ = int(rng.integers(1, 100)) * int(rng.choice([-1, 1]))
        tone = 10 ** (tone_db / 20) * np.exp(2j * np.pi * bin_ / 256 * np.arange(8000))
        heard = (noise(rng, 8000, 1.0) + tone).astype(np.complex64)
        assert receiver.receive(Samples(heard, 0, 4e6)) is None


@pytest.mark.parametrize("cp_samples", [180, 192, 200])
@pytest.mark.parametrize("expected_tick", [1000 + START, None])
def test_a_prefix_of_three_quarters_of_its_symbol_starts_no_symbol_early(cp_samples, expected_tick):
    config = WaveformConfig(cp_samples=cp_samples)
    for trial in range(4):
        rng = np.random.default_rng(trial)
        samples, _ = air(config, 600, rng, snr_db=15, cfo_hz=[4000, -4900], delays=[2.0, 3.0])
        frame = BurstReceiver(config).receive(samples, expected_tick)
        places = [frame.start_tick - 1000 - START + user.delay_samples for user in frame.users]
        assert all(user.header_read for user in frame.users)
        assert places == pytest.approx([2.0, 3.0], abs=0.5)
