"""Fixed paths against the closed form of a tone through them, and against an air that has none."""

import numpy as np
import pytest
from pydantic import ValidationError

from radio.air.config import AirConfig, LinkConfig
from radio.air.medium import Medium
from radio.samples import Samples

PATHS = ({"gain_db": 0.0}, {"delay_samples": 3.3, "gain_db": -6.0, "phase_deg": 100.0})


def through(config, wave):
    medium = Medium(config)
    truth = medium.add_burst(0, Samples(wave[np.newaxis], 0, config.sample_rate_hz))
    return medium.render(0, wave.size)[0], truth


@pytest.mark.parametrize("channel", ["awgn", "rayleigh", "tdl-c"])
def test_a_tone_is_the_sum_of_its_delayed_copies(channel):
    link = LinkConfig(delay_samples=2.25, gain_db=-3.0, paths=PATHS)
    config = AirConfig.ideal(channel=channel, links=(link,))
    cycles = 0.11
    wave = np.exp(2j * np.pi * cycles * np.arange(4096)).astype(np.complex64)
    received, truth = through(config, wave)
    delays, gains = np.array([2.25, 5.55]), np.array([1, 10 ** (-6 / 20) * np.exp(1j * np.deg2rad(100))])
    response = 10 ** (-3 / 20) * np.sum(gains * np.exp(-2j * np.pi * cycles * delays))
    inside = slice(100, 3900)
    assert np.abs(received[inside] / wave[inside] - response).max() < 1e-3
    told = truth.frequency_response(np.array([cycles * config.sample_rate_hz]), config.sample_rate_hz)
    assert told[0, 0] == pytest.approx(response, abs=1e-9)


def test_a_room_that_does_not_move_treats_every_burst_alike():
    config = AirConfig.ideal(
        channel="rayleigh", coherence="doppler", doppler_hz=100.0, links=(LinkConfig(paths=PATHS),)
    )
    first, later = (Medium(config).add_burst(0, Samples(np.ones((1, 64), np.complex64), t, 4e6)) for t in (0, 1 << 20))
    np.testing.assert_array_equal(first.tap_gains, later.tap_gains)


def test_without_paths_nothing_changes_and_one_plain_path_is_none():
    wave = np.exp(1j * np.arange(500)).astype(np.complex64)
    config = AirConfig(seed=3, links=(LinkConfig(delay_samples=2.5),))
    plain = AirConfig(seed=3, links=(LinkConfig(delay_samples=2.5, paths=({},)),))
    np.testing.assert_array_equal(through(config, wave)[0], through(plain, wave)[0])


def test_a_path_cannot_arrive_before_the_link_does():
    with pytest.raises(ValidationError):
        LinkConfig(paths=({"delay_samples": -1.0},))
