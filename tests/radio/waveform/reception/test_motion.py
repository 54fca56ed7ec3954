"""Channels that move, against sums of sinusoids (Clarke's model, numpy only) and LMMSE with the true channel."""

import numpy as np
import pytest

from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.tracking.agreement import agreement, agreement_compiled
from radio.waveform.tracking.motion import time_basis
from radio.waveform.tracking.steady import neighbour_noise
from radio.waveform.transmission.transmitter import BurstTransmitter
from tests.radio.waveform.propagation import noise

CONFIG = WaveformConfig(rx_antennas=2)
GRID = ResourceGrid(CONFIG)
DELAYS = np.array([0.4, 0.9, 1.8, 3.1])  # samples
POWERS = np.array([0.5, 0.25, 0.15, 0.1])
START, NOISE_POWER = 600, 0.01


def moving_air(k: int, doppler_hz: float, seed: int):
    """Samples, every user's symbols, and the paths' amplitudes complex [users, antennas, paths, samples]."""
    rng, length = np.random.default_rng(seed), GRID.burst_length(k) + 2 * START
    shape, times = (CONFIG.users, 2, DELAYS.size, 16), np.arange(length) / CONFIG.sample_rate_hz
    shifts, phases = doppler_hz * np.cos(2 * np.pi * rng.random(shape)), 2 * np.pi * rng.random(shape)
    amplitudes = np.zeros((*shape[:3], length), complex)
    for i in range(shape[3]):
        amplitudes += np.exp(1j * (2 * np.pi * shifts[..., i, None] * times + phases[..., i, None]))
    amplitudes *= np.sqrt(POWERS / shape[3])[:, None]
    symbols, received, f = [], noise(rng, length, NOISE_POWER, 2), np.fft.fftfreq(length)
    for user in range(CONFIG.users):
        symbols.append(noise(rng, k, 1.0)[0].astype(np.complex64))
        header = FrameHeader(1, user, "image", 8, 8, k, user)
        burst = np.pad(BurstTransmitter(CONFIG, user).modulate(symbols[user], header), START)
        for path, delay in enumerate(DELAYS):
            late = np.fft.ifft(np.fft.fft(burst) * np.exp(-2j * np.pi * f * delay))
            received += amplitudes[user, :, path] * late
    return Samples(received.astype(np.complex64), 0, CONFIG.sample_rate_hz), symbols, amplitudes


def gains_at(amplitudes, samples):
    """Channel complex [users, antennas, times, active] at sample indices."""
    turns = np.exp(-2j * np.pi * np.outer(DELAYS, GRID.frequencies_hz) / CONFIG.sample_rate_hz)
    return np.einsum("uapt,pf->uatf", amplitudes[..., samples], turns) * GRID.amplitude


def ideal_error(amplitudes, k):
    """Mean square error of LMMSE with the true channel in the middle of every symbol: float [users]."""
    n = GRID.payload_symbols(k)
    middles = START + GRID.payload_start + np.arange(n) * GRID.symbol_samples + CONFIG.cp_samples + CONFIG.fft_size // 2
    g = gains_at(amplitudes, middles).transpose(2, 3, 1, 0)
    covariance = g @ g.conj().swapaxes(-1, -2) + NOISE_POWER * np.eye(2)
    left = 1 - np.einsum("mfau,mfau->umf", g.conj(), np.linalg.solve(covariance, g)).real
    return [float(GRID.demap_payload(one, k).mean()) for one in left]


def sinr_db(error):
    return 10 * np.log10(1 / error - 1)


@pytest.mark.parametrize(("k", "most_db"), [(4000, 0.7), (32000, 1.5)])  # bursts of 4 and 15 ms
def test_paths_that_move_cost_little_and_the_error_is_stated(k, most_db):
    losses, stated, true, shifts = [], [], [], []
    for seed in range(2):
        samples, symbols, amplitudes = moving_air(k, 100.0, seed)
        frame = BurstReceiver(CONFIG).receive(samples, START)
        for user, ideal in zip(frame.users, ideal_error(amplitudes, k), strict=True):
            error = np.mean(np.abs(user.features - symbols[user.user]) ** 2)
            losses.append(sinr_db(ideal) - sinr_db(error))
            tick = user.channel.measured_tick
            advance = np.exp(-2j * np.pi * GRID.frequencies_hz / CONFIG.sample_rate_hz * (START - frame.start_tick))
            truth = gains_at(amplitudes, np.array([tick]))[user.user, :, 0] * advance
            true.append(np.mean(np.abs(user.channel.values - truth) ** 2))
            stated.append(user.channel.error_variance)
            shifts.append(user.doppler_hz)
    assert np.median(losses) < most_db and max(losses) < 2 * most_db
    assert 10 * np.log10(np.mean(stated) / np.mean(true)) == pytest.approx(0, abs=2)
    assert 60 < np.median(shifts) < 200


def test_a_channel_that_stands_is_not_taken_to_move():
    for seed in range(3):
        samples, _, _ = moving_air(4000, 0.0, 10 + seed)
        assert [user.doppler_hz for user in BurstReceiver(CONFIG).receive(samples, START).users] == [0, 0]


def test_the_time_basis_spans_every_process_of_that_doppler_with_unit_variance():
    times_s, span_s = np.linspace(0, 15e-3, 200), (0.0, 15e-3)
    basis = time_basis(times_s, span_s, 100.0)
    across = np.sinc(200 * (times_s[:, None] - times_s))
    np.testing.assert_allclose(basis @ basis.T, across, atol=0.02)
    assert basis.shape[1] <= 2 * 100 * 15e-3 + 6
    np.testing.assert_array_equal(time_basis(times_s, span_s, 0.0), np.ones((200, 1)))


@pytest.mark.parametrize("look", [agreement, agreement_compiled])
def test_pilots_in_noise_agree_by_chance_alone(look):
    rng, n = np.random.default_rng(5), 150
    channel, values = noise(rng, 200, 1.0, 2).astype(np.complex64), GRID.pilot_values(0, n)
    positions, still = GRID.pilot_positions(n)[0], np.zeros(n)
    found = []
    for _ in range(4):
        bins = noise(rng, n * 200, 0.1, 2).reshape(2, n, 200)
        rows = np.arange(n)[:, None]
        turned = np.exp(1j * np.cumsum(rng.standard_normal(n)))[:, None]  # the oscillators' phase
        bins[:, rows, positions] += channel[:, positions] * values * turned
        found.append(look(bins.astype(np.complex64), channel, positions, values, still))
    assert np.abs(found).max() < 4
    bins[0] *= 1.2  # one antenna is not as it was
    assert look(bins.astype(np.complex64), channel, positions, values, still) > 4


def test_noise_between_neighbours_is_what_it_is_however_a_channel_drifts(each_backend):
    rng, ramp = np.random.default_rng(6), np.linspace(0, 2, 16)[None, :, None]
    seen = (np.exp(1j * ramp) * noise(rng, 200, 1.0)[:, None] + noise(rng, 3200, 0.01).reshape(1, 16, 200)).astype(
        np.complex64
    )
    near = np.arange(15) != 7
    seen[:, 8:] *= np.exp(2j)  # across a gap anything may have happened
    assert neighbour_noise(seen, near) == pytest.approx(0.01 + 0.5 * (2 / 15) ** 2, rel=0.15)
    assert neighbour_noise(seen[:, :1], near[:0]) == 0
