"""Taking a known payload out of the samples: what is left is the other user and the noise."""

import numpy as np
import pytest

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.cancellation import cancel_payload
from radio.waveform.reception.receiver import BurstReceiver

from .test_receiver import START, air

K = 8192


def payload_power(samples, config):
    grid = ResourceGrid(config)
    begin = START + grid.payload_start + 10 * grid.symbol_samples
    return np.mean(np.abs(samples.data[:, begin : START + grid.burst_length(K) - 10 * grid.symbol_samples]) ** 2)


def sinr_db(features, symbols):
    gain = np.vdot(symbols, features) / np.vdot(symbols, symbols)
    return 10 * np.log10(np.abs(gain) ** 2 / np.mean(np.abs(features - gain * symbols) ** 2))


@pytest.mark.parametrize("antennas", [1, 2])
@pytest.mark.parametrize("ppm", [0.0, 15.0])
def test_without_both_users_noise_is_left_and_without_one_the_other_is_alone(antennas, ppm):
    config, rng = WaveformConfig(rx_antennas=antennas), np.random.default_rng(1)
    cfo_hz = [ppm * 2450, -ppm * 2450]
    samples, symbols = air(config, K, rng, snr_db=15, cfo_hz=cfo_hz, ppm=[ppm, -ppm])
    receiver = BurstReceiver(config)
    frame = receiver.receive(samples, 1000 + START)
    without_0 = cancel_payload(samples, receiver.grid, 0, frame.users[0].alignment, symbols[0])
    neither = cancel_payload(without_0, receiver.grid, 1, frame.users[1].alignment, symbols[1])
    assert 10 * np.log10(payload_power(neither, config) / 10**-1.5) < 1.0
    again = receiver.receive(without_0, 1000 + START, silent=frozenset({0}))
    # Alone at 12 dB (half of the power at 15 dB), antennas add up; superposed at about 0 dB.
    assert sinr_db(again.users[1].features, symbols[1]) > 12 + 10 * np.log10(antennas) - 1.0
    if antennas == 1:
        assert sinr_db(frame.users[1].features, symbols[1]) < 1.0


def test_a_wrong_guess_takes_nothing_useful_and_a_wrong_length_is_refused():
    config, rng = WaveformConfig(), np.random.default_rng(2)
    samples, symbols = air(config, K, rng, snr_db=15)
    frame = BurstReceiver(config).receive(samples, 1000 + START)
    grid, alignment = ResourceGrid(config), frame.users[0].alignment
    wrong = cancel_payload(samples, grid, 0, alignment, symbols[0][::-1].copy())
    assert payload_power(wrong, config) > 1.3 * payload_power(samples, config)
    with pytest.raises(ValueError, match="OFDM symbols"):
        cancel_payload(samples, grid, 0, alignment, symbols[0][:500])


def test_a_burst_at_the_edge_of_the_samples_is_cancelled_where_it_is():
    config, rng = WaveformConfig(), np.random.default_rng(3)
    samples, symbols = air(config, K, rng, snr_db=15, tail=0)
    frame = BurstReceiver(config).receive(samples, 1000 + START)
    cancelled = cancel_payload(samples, ResourceGrid(config), 1, frame.users[1].alignment, symbols[1])
    assert cancelled.data.shape == samples.data.shape and np.isfinite(cancelled.data).all()
