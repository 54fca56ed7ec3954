"""The tapped delay lines against TR 38.901's tables and against what the tables promise."""

import numpy as np
import pytest

from radio.air.channel import Channel
from radio.air.config import AirConfig
from radio.air.tdl import delay_profile

# TR 38.901 tables 7.7.2-1 ... 5: rows, some (row, delay, power in dB) and the K factor of the first tap
TABLES = {
    "tdl-a": (23, {0: (0.0, -13.4), 1: (0.3819, 0.0), 10: (1.8978, -6.6), 22: (9.6586, -29.7)}, None),
    "tdl-b": (23, {0: (0.0, 0.0), 8: (0.3681, -7.6), 15: (1.7842, -1.9), 22: (4.7834, -11.3)}, None),
    "tdl-c": (24, {0: (0.0, -4.4), 5: (0.6366, 0.0), 12: (1.2285, -5.1), 23: (8.6523, -22.8)}, None),
    "tdl-d": (13, {1: (0.035, -18.8), 7: (1.775, -22.9), 12: (12.525, -27.7)}, 13.3),
    "tdl-e": (14, {1: (0.5133, -15.8), 8: (1.9589, -22.6), 13: (20.6519, -29.2)}, 22.0),
}


@pytest.mark.parametrize("channel", TABLES)
def test_rows_of_the_tables(channel):
    rows, some, k_db = TABLES[channel]
    profile = delay_profile(channel)
    assert profile.delays.size == rows and profile.powers.sum() == pytest.approx(1)
    strongest = profile.powers.max()
    for row, (delay, power_db) in some.items():
        assert profile.delays[row] == delay
        assert 10 * np.log10(profile.powers[row] / strongest) == pytest.approx(power_db, abs=1e-9)
    assert profile.k_factor == (0.0 if k_db is None else pytest.approx(10 ** (k_db / 10)))


@pytest.mark.parametrize("channel", TABLES)
def test_the_delay_spread_is_the_one_asked_for(channel):
    config = AirConfig(channel=channel, delay_spread_s=300e-9)
    profile, delays_s = delay_profile(channel), Channel(config, 0).delays_samples / 4e6
    mean = profile.powers @ delays_s
    spread = np.sqrt(profile.powers @ (delays_s - mean) ** 2)
    assert spread == pytest.approx(300e-9, rel=0.02)  # the tables themselves are rounded


@pytest.mark.parametrize("channel", ["tdl-a", "tdl-d"])
def test_measured_power_delay_profile(channel):
    config = AirConfig(channel=channel)
    taps = Channel(config, 0)
    drawn = np.array([taps.gains(b * 65536, np.zeros(1), 65536)[0, :, 0] for b in range(3000)])
    profile = delay_profile(channel)
    measured = np.mean(np.abs(drawn) ** 2, axis=0)
    assert np.abs(measured / profile.powers - 1).max() < 6 / np.sqrt(3000)
    fixed_share = profile.k_factor / (1 + profile.k_factor)
    fourth = np.mean(np.abs(drawn[:, 0]) ** 4) / measured[0] ** 2  # Rice: 2 - (K / (K + 1))^2
    assert fourth == pytest.approx(2 - fixed_share**2, abs=0.15)
