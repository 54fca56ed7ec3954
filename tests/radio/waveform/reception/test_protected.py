"""Protected bits through the receiver, over a channel of the tests' own."""

import numpy as np
import pytest

from radio.samples import Samples
from radio.waveform.burst.bits import symbols_for
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.cancellation import cancel_payload
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.reception.stream_receiver import StreamReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter
from tests.radio.waveform.propagation import noise, propagate

CONFIG, START, K = WaveformConfig(bits_bytes=64), 600, 3000


def on_air(rng, snr_db, *, bits_symbols=20, config=CONFIG, taps=((0.0, 1.0),), cfo_hz=30.0, k=K):
    """Samples, what every user protected, and every user's symbols."""
    n = START + ResourceGrid(config, bits_symbols).burst_length(k) + 700
    phases = rng.uniform(0, 2 * np.pi, (config.users, config.rx_antennas))
    total, protected, symbols = noise(rng, n, 10 ** (-snr_db / 10), config.rx_antennas), [], []
    for user in range(config.users):
        protected.append(rng.bytes(int(rng.integers(config.bits_bytes + 1))) if bits_symbols else b"")
        symbols.append(noise(rng, k, 1.0)[0].astype(np.complex64))
        header = FrameHeader(7, user, "image", 8, 8, k, user, bits_symbols)
        burst = BurstTransmitter(config, user).modulate(symbols[user], header, protected[user])
        offset = {"delay": 0.3 + 1.7 * user, "cfo_hz": cfo_hz * (-1) ** user, "taps": taps, "start": START}
        for antenna, phase in zip(total, phases[user], strict=True):
            antenna += propagate(burst, n, phase=phase, **offset)
    return Samples(total.astype(np.complex64), 0, config.sample_rate_hz), protected, symbols


@pytest.mark.usefixtures("each_backend")
def test_delivered_at_0_db():
    for seed in range(4):
        samples, protected, _ = on_air(np.random.default_rng(seed), 0.0, bits_symbols=symbols_for(CONFIG, 0.0))
        frame = BurstReceiver(CONFIG).receive(samples, START)
        assert [user.protected for user in frame.users] == protected


@pytest.mark.parametrize("users", [1, 8])
def test_any_number_of_users_on_antennas(users):
    config = WaveformConfig(users=users, bits_bytes=20, rx_antennas=2)
    samples, protected, _ = on_air(
        np.random.default_rng(users), 3.0, bits_symbols=symbols_for(config, 6.0), config=config, k=1000
    )
    frame = BurstReceiver(config).receive(samples, START)
    assert [user.protected for user in frame.users] == protected


def test_they_change_nothing_about_the_picture():
    """The same noise, users and symbols with and without: as well detected, the same view of the picture."""
    errors = []
    for bits_symbols in (0, 20):
        rng = np.random.default_rng(5)
        samples, _, symbols = on_air(rng, 12.0, bits_symbols=bits_symbols, taps=((0, 0.8), (3.3, 0.6j)))
        frame = BurstReceiver(CONFIG).receive(samples, START)
        assert all(user.detected and user.header_read for user in frame.users)
        errors.append(
            [np.mean(np.abs(user.features - sent) ** 2) for user, sent in zip(frame.users, symbols, strict=True)]
        )
        assert [user.protected is None for user in frame.users] == [bits_symbols == 0] * 2
        assert {user.quality.disturbed.size for user in frame.users} == {ResourceGrid(CONFIG).payload_symbols(K)}
    np.testing.assert_allclose(errors[0], errors[1], rtol=0.1)


def test_carriers_that_are_apart_are_no_obstacle():
    """By a third of a subcarrier: what leaks between users is taken out of pictures, and bits stand it."""
    config, errors = WaveformConfig(bits_bytes=64, rx_antennas=2), []
    for bits_symbols in (0, 20):
        samples, protected, symbols = on_air(
            np.random.default_rng(3), 15.0, bits_symbols=bits_symbols, config=config, cfo_hz=2500.0
        )
        frame = BurstReceiver(config).receive(samples, START)
        assert not bits_symbols or [user.protected for user in frame.users] == protected
        errors += [np.mean([np.mean(np.abs(user.features - symbols[user.user]) ** 2) for user in frame.users])]
    assert errors[1] == pytest.approx(errors[0], rel=0.1)


def erased(samples, first, last):
    """Without anything in symbols first to last - 1 of the payload."""
    grid, data = ResourceGrid(CONFIG), samples.data.copy()
    begin = START + grid.payload_start
    data[:, begin + first * grid.symbol_samples : begin + last * grid.symbol_samples] = 0
    return Samples(data, samples.start_tick, samples.sample_rate_hz)


@pytest.mark.parametrize(("last", "delivered"), [(8, True), (20, False)])
def test_symbols_that_are_gone_say_nothing(last, delivered):
    samples, protected, symbols = on_air(np.random.default_rng(8), 8.0)
    frame = BurstReceiver(CONFIG).receive(erased(samples, 0, last), START)
    for user, sent, content in zip(frame.users, symbols, protected, strict=True):
        assert user.protected == (content if delivered else None)
        assert user.quality.erased_share == 0
        assert np.corrcoef(user.features, sent)[0, 1].real > 0.6


def test_a_burst_of_interference_over_some_symbols():
    samples, protected, _ = on_air(np.random.default_rng(9), 6.0)
    grid, rng = ResourceGrid(CONFIG), np.random.default_rng(1)
    begin = START + grid.payload_start + 4 * grid.symbol_samples
    samples.data[:, begin : begin + 5 * grid.symbol_samples] += noise(rng, 5 * grid.symbol_samples, 30.0)
    frame = BurstReceiver(CONFIG).receive(samples, START)
    assert [user.protected for user in frame.users] == protected


def test_a_header_from_elsewhere_tells_their_length_too():
    samples, protected, _ = on_air(np.random.default_rng(3), 6.0)
    grid = ResourceGrid(CONFIG)
    data = samples.data.copy()
    data[:, START + grid.header_start(0) : START + grid.payload_start] = 0
    told = {user: FrameHeader(7, user, "image", 8, 8, K, user, 20) for user in range(2)}
    damaged = Samples(data, 0, samples.sample_rate_hz)
    frame = BurstReceiver(CONFIG).receive(damaged, START, told=told)
    assert [user.protected for user in frame.users] == protected


def test_in_a_stream_of_bursts():
    config, rng = CONFIG, np.random.default_rng(4)
    parts = [on_air(rng, 9.0) for _ in range(2)]
    stream = np.concatenate([samples.data for samples, _, _ in parts], axis=1)
    receiver, frames = StreamReceiver(config), []
    for first in range(0, stream.shape[1], 5000):
        frames += receiver.push(Samples(stream[:, first : first + 5000], first, config.sample_rate_hz))
    frames += receiver.flush()
    assert [[user.protected for user in frame.users] for frame in frames] == [protected for _, protected, _ in parts]


def test_a_receiver_without_protected_bits_still_finds_the_picture():
    samples, _, symbols = on_air(np.random.default_rng(6), 20.0)
    frame = BurstReceiver(WaveformConfig()).receive(samples, START)
    for user, sent in zip(frame.users, symbols, strict=True):
        assert user.protected is None and np.corrcoef(user.features, sent)[0, 1].real > 0.6


def test_through_a_channel_that_moves():
    rng, config = np.random.default_rng(2), CONFIG
    n = START + ResourceGrid(config, 20).burst_length(12000) + 700
    times = np.arange(n) / config.sample_rate_hz
    total, protected = noise(rng, n, 0.01), []
    for user in range(2):
        protected.append(rng.bytes(64))
        header = FrameHeader(7, user, "image", 8, 8, 12000, user, 20)
        symbols = noise(rng, 12000, 1.0)[0].astype(np.complex64)
        burst = BurstTransmitter(config, user).modulate(symbols, header, protected[user])
        for path in range(2):
            moved = np.exp(2j * np.pi * (90.0 * (-1) ** path * times + rng.random())) * (0.9, 0.5)[path]
            total += moved * propagate(burst, n, delay=0.5 + 2.2 * path, start=START)
    frame = BurstReceiver(config).receive(Samples(total.astype(np.complex64), 0, config.sample_rate_hz), START)
    assert all(user.doppler_hz > 0 for user in frame.users)
    assert [user.protected for user in frame.users] == protected


def test_a_picture_behind_them_is_cancelled():
    """The other user is then received as if it had been alone."""
    samples, protected, symbols = on_air(np.random.default_rng(11), 12.0)
    receiver = BurstReceiver(CONFIG)
    frame = receiver.receive(samples, START)
    left = cancel_payload(samples, receiver.grid, 0, frame.users[0].alignment, symbols[0])
    headers = {user.user: user.header for user in frame.users}
    other = receiver.receive(left, START, told=headers, silent=frozenset({0})).users[1]
    noise_power, power = 10**-1.2, 0.5
    assert np.mean(np.abs(frame.users[1].features - symbols[1]) ** 2) > 0.4  # of two users on one antenna
    assert np.mean(np.abs(other.features - symbols[1]) ** 2) == pytest.approx(
        noise_power / (noise_power + power), rel=0.15
    )
    assert other.protected == protected[1]
