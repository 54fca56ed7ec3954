"""Channels that move, against sums of sinusoids (Clarke's model, numpy only) and LMMSE with the true channel."""

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Air:
    """delays, in samples, and powers of the paths from every user to every antenna."""

    config: WaveformConfig
    delays: np.ndarray
    powers: np.ndarray

    @property
    def grid(self):
        return ResourceGrid(self.config)


CONFIG = WaveformConfig(rx_antennas=2)
GRID = ResourceGrid(CONFIG)
SPREAD = Air(CONFIG, np.array([0.4, 0.9, 1.8, 3.1]), np.array([0.5, 0.25, 0.15, 0.1]))
FLAT = Air(WaveformConfig(users=1), np.array([0.7]), np.array([1.0]))
START, NOISE_POWER = 600, 0.01


def moving_air(k: int, doppler_hz: float, seed: int, air: Air = SPREAD):
    """Samples, every user's symbols, and the paths' amplitudes complex [users, antennas, paths, samples]."""
    config, grid = air.config, air.grid
    rng, length = np.random.default_rng(seed), grid.burst_length(k) + 2 * START
    shape = (config.users, config.rx_antennas, air.delays.size, 16)
    times = np.arange(length) / config.sample_rate_hz
    shifts, phases = doppler_hz * np.cos(2 * np.pi * rng.random(shape)), 2 * np.pi * rng.random(shape)
    amplitudes = np.zeros((*shape[:3], length), complex)
    for i in range(shape[3]):
        amplitudes += np.exp(1j * (2 * np.pi * shifts[..., i, None] * times + phases[..., i, None]))
    amplitudes *= np.sqrt(air.powers / shape[3])[:, None]
    symbols, received, f = [], noise(rng, length, NOISE_POWER, config.rx_antennas), np.fft.fftfreq(length)
    for user in range(config.users):
        symbols.append(noise(rng, k, 1.0)[0].astype(np.complex64))
        header = FrameHeader(1, user, "image", 8, 8, k, user)
        burst = np.pad(BurstTransmitter(config, user).modulate(symbols[user], header), START)
        for path, delay in enumerate(air.delays):
            late = np.fft.ifft(np.fft.fft(burst) * np.exp(-2j * np.pi * f * delay))
            received += amplitudes[user, :, path] * late
    return Samples(received.astype(np.complex64), 0, config.sample_rate_hz), symbols, amplitudes


def gains_at(amplitudes, samples, air: Air = SPREAD):
    """Channel complex [users, antennas, times, active] at sample indices."""
    turns = np.exp(-2j * np.pi * np.outer(air.delays, air.grid.frequencies_hz) / air.config.sample_rate_hz)
    return np.einsum("uapt,pf->uatf", amplitudes[..., samples], turns) * air.grid.amplitude


def ideal_error(amplitudes, k, air: Air = SPREAD):
    """Mean square error of LMMSE with the true channel in the middle of every symbol: float [users]."""
    grid, config = air.grid, air.config
    n = grid.payload_symbols(k)
    middles = START + grid.payload_start + np.arange(n) * grid.symbol_samples + config.cp_samples + config.fft_size // 2
    g = gains_at(amplitudes, middles, air).transpose(2, 3, 1, 0)
    covariance = g @ g.conj().swapaxes(-1, -2) + NOISE_POWER * np.eye(config.rx_antennas)
    left = 1 - np.einsum("mfau,mfau->umf", g.conj(), np.linalg.solve(covariance, g)).real
    return [float(grid.demap_payload(one, k).mean()) for one in left]


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


@pytest.mark.parametrize(("k", "most_db"), [(4000, 0.7), (32000, 1.5)])
def test_one_path_that_fades_on_one_antenna_is_no_gain_that_steps(k, most_db):
    """All subcarriers of all antennas together, as a gain does, but smoothly; before, up to 8 dB were lost."""
    losses = []
    for seed in range(4):
        samples, symbols, amplitudes = moving_air(k, 100.0, seed, FLAT)
        user = BurstReceiver(FLAT.config).receive(samples, START).users[0]
        error = np.mean(np.abs(user.features - symbols[0]) ** 2)
        losses.append(sinr_db(ideal_error(amplitudes, k, FLAT)[0]) - sinr_db(error))
        assert user.doppler_hz > 0 and user.quality.gain_steps == 0
    assert np.median(losses) < most_db and max(losses) < 2 * most_db


@pytest.mark.slow
def test_at_300_hz_headers_are_read_and_more_pilots_follow_better():
    """The channel that the preamble saw is another one by the time of the header: of seeds 0 and 2 one was lost."""
    losses = {}
    for pilots, shift in ((4, 1), (8, 1), (16, 5)):
        config = WaveformConfig(rx_antennas=2, pilots_per_user=pilots, pilot_shift=shift)
        air, found = Air(config, SPREAD.delays, SPREAD.powers), []
        for seed in (0, 2):
            samples, symbols, amplitudes = moving_air(8000, 300.0, seed, air)
            frame = BurstReceiver(config).receive(samples, START)
            assert all(user.header_read for user in frame.users)
            for user, ideal in zip(frame.users, ideal_error(amplitudes, 8000, air), strict=True):
                error = np.mean(np.abs(user.features - symbols[user.user]) ** 2)
                found.append(sinr_db(ideal) - sinr_db(error))
        losses[pilots] = np.mean(found)
    assert losses[16] < losses[8] - 0.1 < losses[4] - 0.6
    assert losses[16] < 1.5


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
