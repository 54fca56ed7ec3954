"""Interference and coloured noise, against LMMSE with the true channels and the true covariance (closed form)."""

import numpy as np
import pytest

from radio.samples import Samples
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter
from tests.radio.waveform.propagation import noise, propagate

START, K, NOISE_POWER = 600, 8000, 0.01
PATHS = ((0.0, 1.0), (1.3, 0.5))


def received(config, rng, disturbance):
    """The frame, every user's symbols and channels complex [users, antennas, active]; disturbance(rng, length)."""
    receiver = BurstReceiver(config)
    grid, length = receiver.grid, receiver.grid.burst_length(K) + 2 * START
    total, symbols, channels = disturbance(rng, length), [], []
    cycles = grid.frequencies_hz / config.sample_rate_hz
    for user in range(config.users):
        symbols.append(noise(rng, K, 1.0)[0].astype(np.complex64))
        burst = BurstTransmitter(config, user).modulate(symbols[user], FrameHeader(1, user, "image", 8, 8, K, user))
        for antenna in range(config.rx_antennas):
            turns = np.exp(2j * np.pi * rng.random(len(PATHS)))
            taps = [(delay, gain * turn) for (delay, gain), turn in zip(PATHS, turns, strict=True)]
            total[antenna] += propagate(burst, length, delay=user + 0.4, taps=taps, start=START)
            channels.append(sum(g * np.exp(-2j * np.pi * cycles * (user + 0.4 + d)) for d, g in taps) * grid.amplitude)
    frame = receiver.receive(Samples(total.astype(np.complex64), 0, config.sample_rate_hz), START)
    return frame, symbols, np.reshape(channels, (config.users, config.rx_antennas, -1))


def ideal_sinr(channels, covariance, user):
    """float [active]: 1 / [(I + G^H R^-1 G)^-1]_uu - 1 of G = all users' channels (Kay 1993, 12.5)."""
    g = channels.transpose(2, 1, 0)
    inner = np.eye(len(channels)) + g.conj().swapaxes(1, 2) @ np.linalg.solve(covariance, g)
    return 1 / np.linalg.inv(inner)[:, user, user].real - 1


def decibels(sinr):
    """One figure of linear SINRs [active]: that of their mean error."""
    return 10 * np.log10(1 / np.mean(1 / (1 + sinr)) - 1)


def losses_db(config, seed, disturbance, covariance):
    """Of every user: the ideal's dB over the features' true ones; and dB by which the stated SINRs [active] are off."""
    frame, symbols, channels = received(config, np.random.default_rng(seed), disturbance)
    assert [user.header_read for user in frame.users] == [True] * config.users
    losses, off = [], []
    for user in frame.users:
        true = ideal_sinr(channels, covariance, user.user)
        error = np.mean(np.abs(user.features - symbols[user.user]) ** 2)
        losses.append(decibels(true) - 10 * np.log10(1 / error - 1))
        off.append(10 * np.log10(user.quality.separated[0, -1] / true))
        assert user.quality.separated_sinr_db == pytest.approx(10 * np.log10(1 / error - 1), abs=0.7)
    return losses, np.array(off), frame


@pytest.mark.parametrize("users, antennas, ratio_db", [(1, 2, 20), (2, 3, 0), (2, 4, 20), (1, 4, 10)])
def test_an_interferer_from_one_direction_is_rejected(users, antennas, ratio_db):
    """Before, these lost 14.9, 1.0, 16.4 and 10.0 dB."""
    towards, power = np.exp(1.5j * np.arange(antennas)), NOISE_POWER * 10 ** (ratio_db / 10)

    def disturbance(rng, length):
        white = noise(rng, length, NOISE_POWER, antennas)
        return white + towards[:, None] * noise(rng, length, power)

    config = WaveformConfig(users=users, rx_antennas=antennas)
    covariance = NOISE_POWER * np.eye(antennas) + power * np.outer(towards, towards.conj())
    for seed in range(2):
        losses, off, frame = losses_db(config, seed, disturbance, covariance)
        assert max(losses) < 0.3 and np.abs(off).max() < 1
        np.testing.assert_allclose(frame.noise_covariance.mean(axis=0), covariance, atol=0.05 * (power + NOISE_POWER))


@pytest.mark.parametrize("users, antennas", [(1, 1), (2, 2)])
def test_noise_that_rises_over_the_band_is_known_on_every_subcarrier(users, antennas):
    config = WaveformConfig(users=users, rx_antennas=antennas)
    cycles = BurstReceiver(config).grid.frequencies_hz / config.sample_rate_hz

    def density(at):
        return NOISE_POWER * 10 ** (2.4 * at)  # 18.7 dB from the lowest subcarrier to the highest

    def disturbance(rng, length):
        shape = np.sqrt(density(np.fft.fftfreq(length)))
        return np.fft.ifft(np.fft.fft(noise(rng, length, 1.0, antennas)) * shape)

    covariance = density(cycles)[:, None, None] * np.eye(antennas)
    found = [losses_db(config, seed, disturbance, covariance) for seed in range(3)]
    off = np.concatenate([one[1] for one in found])
    assert max(max(one[0]) for one in found) < 0.3
    assert np.sqrt(np.mean(off**2)) < 0.7 and np.quantile(np.abs(off), 0.9) < 1


def test_white_noise_stays_white_and_says_so():
    def disturbance(rng, length):
        return noise(rng, length, NOISE_POWER, 2)

    for seed in range(3):
        losses, _, frame = losses_db(WaveformConfig(rx_antennas=2), seed, disturbance, NOISE_POWER * np.eye(2))
        assert frame.noise_covariance is None and max(losses) < 0.2
