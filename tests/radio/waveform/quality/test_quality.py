"""Payload quality measured on pilots, against the true quality of features that went through the tests' own channel."""

import numpy as np
import pytest

from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.quality.disturbance import disturbance
from radio.waveform.quality.pilots import PilotView
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
            errors.append(user.quality.separated_sinr_db - decibels(true_sinr(user.features, symbols[user.user])))
            assert not user.quality.hit.any()
    assert abs(np.median(errors)) < 1 and np.max(np.abs(errors)) < 1.5, errors


def by_symbol(receiver, features, part):
    """The elements of some OFDM symbols, as they lie in the burst."""
    elements = receiver.grid.map_payload(features)[part]
    return elements[elements != 0]


def hit_by(samples, receiver, rng, first, last, power):
    """White noise of a power over payload symbols first .. last - 1."""
    begin = START + receiver.grid.payload_start + first * receiver.grid.symbol_samples
    end = begin + (last - first) * receiver.grid.symbol_samples
    data = samples.data.copy()
    data[:, begin:end] += noise(rng, end - begin, power, len(data)).astype(np.complex64)
    return type(samples)(data, samples.start_tick, samples.sample_rate_hz)


@pytest.mark.parametrize("users, antennas", [(1, 1), (2, 2)])
def test_it_follows_what_hits_a_part_of_the_payload(users, antennas):
    config, rng = WaveformConfig(users=users, rx_antennas=antennas), np.random.default_rng(3)
    receiver = BurstReceiver(config)
    samples, symbols = air(config, 6000, rng, snr_db=20)
    clean = receiver.receive(samples, 1000 + START)
    frame = receiver.receive(hit_by(samples, receiver, rng, 9, 16, 0.5), 1000 + START)
    for user, before in zip(frame.users, clean.users, strict=True):
        quality = user.quality
        assert quality.hit[9:16].all() and not quality.hit[:8].any() and not quality.hit[17:].any()
        assert not quality.erased.any()
        for part in (slice(9, 16), slice(0, 8), slice(18, None)):
            true = true_sinr(*(by_symbol(receiver, one, part) for one in (user.features, symbols[user.user])))
            measured = 1 / np.mean(1 / (1 + quality.separated_sinr[part])) - 1
            assert decibels(measured) == pytest.approx(decibels(true), abs=1.0)
        # A symbol that was hit weighs as little as it is worth: the error of the whole is below that of equal weights.
        error = np.mean(np.abs(user.features - symbols[user.user]) ** 2)
        assert error == pytest.approx(np.mean(1 / (1 + quality.separated_sinr)), rel=0.15)
        assert user.snr_db == pytest.approx(before.snr_db, abs=0.2)  # the training knows nothing of it


@pytest.mark.parametrize("antennas", [1, 2])
def test_what_is_not_in_the_samples_is_erased(antennas):
    config, rng = WaveformConfig(rx_antennas=antennas), np.random.default_rng(4)
    receiver = BurstReceiver(config)
    samples, _ = air(config, 6000, rng, snr_db=15)
    whole = receiver.receive(samples, 1000 + START)
    cut = START + receiver.grid.payload_start + 28 * receiver.grid.symbol_samples
    silent = samples.data.copy()
    silent[:, cut:] = noise(rng, silent.shape[1] - cut, 10**-1.5, antennas)  # the transmitter stopped
    for data in (samples.data[:, :cut], silent):
        frame = receiver.receive(type(samples)(data, 1000, samples.sample_rate_hz), 1000 + START)
        for user, before in zip(frame.users, whole.users, strict=True):
            assert user.quality.erased[28:].all() and not user.quality.hit[:27].any()
            assert np.max(np.abs(by_symbol(receiver, user.features, slice(28, None))), initial=0) < 1e-6
            kept, as_before = (by_symbol(receiver, one.features, slice(0, 27)) for one in (user, before))
            assert np.mean(np.abs(kept - as_before) ** 2) < 2e-3
            assert user.quality.erased_share == pytest.approx(5 / 33, abs=0.031)


def test_nothing_is_flagged_where_nothing_happened():
    """Of 20000 clean symbols at the default pilots, in which FALSE_HIT allows 0.02 to stand out."""
    config = WaveformConfig()
    receiver, flagged, seen = BurstReceiver(config), 0, 0
    for seed, snr_db in enumerate((0, 10, 20, 30)):
        samples, _ = air(config, 16000, np.random.default_rng(seed), snr_db=snr_db, cfo_hz=[900.0, -700.0])
        for user in receiver.receive(samples, 1000 + START).users:
            flagged, seen = flagged + int(user.quality.hit.sum()), seen + user.quality.hit.size
    assert seen == 696 and flagged == 0


def changed(samples, data):
    return type(samples)(np.ascontiguousarray(data, np.complex64), samples.start_tick, samples.sample_rate_hz)


def losses_db(receiver, samples, data, symbols):
    """By how much the true SINR of each user is below that of the undisturbed samples, and what was measured."""
    before, after = (receiver.receive(one, 1000 + START) for one in (samples, changed(samples, data)))
    return [
        (decibels(true_sinr(a.features, s)) - decibels(true_sinr(b.features, s)), b.quality)
        for a, b, s in zip(before.users, after.users, symbols, strict=True)
    ]


@pytest.mark.parametrize("factor", [2.0, 0.5])
@pytest.mark.parametrize("snr_db", [5, 20])
def test_a_gain_step_of_six_decibels_is_followed(factor, snr_db):
    config = WaveformConfig(rx_antennas=2)
    receiver, rng = BurstReceiver(config), np.random.default_rng(5)
    samples, symbols = air(config, 20000, rng, snr_db=snr_db)
    data = samples.data.copy()
    data[:, 25000:] *= factor
    for loss_db, quality in losses_db(receiver, samples, data, symbols):
        assert loss_db < 0.3 and quality.gain_steps == 1 and quality.slipped_samples == 0


@pytest.mark.parametrize("factor", [2.0, 0.5])
@pytest.mark.parametrize("users, antennas", [(1, 1), (2, 2)])
def test_the_symbol_that_a_gain_step_falls_into_is_whole_again(users, antennas, factor):
    """A short, clean burst, of which that symbol's own intercarrier interference cost 0.5 to 2.2 dB."""
    config = WaveformConfig(users=users, rx_antennas=antennas)
    receiver, rng = BurstReceiver(config), np.random.default_rng(15)
    samples, symbols = air(config, 4000, rng, snr_db=20)
    data = samples.data.copy()
    data[:, START + receiver.grid.payload_start + 3000 :] *= factor
    for loss_db, quality in losses_db(receiver, samples, data, symbols):
        assert loss_db > -0.3 and quality.gain_steps == 1 and not quality.hit.any()


@pytest.mark.parametrize("first", [11000, 5000])  # the latter within the second user's preamble
def test_one_sample_lost_or_doubled_every_ten_thousand_is_followed(first):
    config = WaveformConfig(rx_antennas=2)
    receiver, rng = BurstReceiver(config), np.random.default_rng(6)
    samples, symbols = air(config, 20000, rng, snr_db=15, cfo_hz=[2000.0, -1500.0])
    at = np.arange(first, samples.data.shape[1] - 1000, 10_000)
    lost, doubled = np.delete(samples.data, at, axis=1), np.insert(samples.data, at, samples.data[:, at], axis=1)
    for data in (lost, doubled):
        for loss_db, quality in losses_db(receiver, samples, data, symbols):
            assert loss_db < 1.3 and quality.gain_steps == 0
            assert quality.slipped_samples == np.count_nonzero(at > 9400)  # those before are the training's


def test_uncalibrated_clocks_are_no_slips():
    config = WaveformConfig(rx_antennas=2)
    receiver, rng = BurstReceiver(config), np.random.default_rng(7)
    samples, _ = air(config, 30000, rng, snr_db=15, ppm=[35.0, -35.0], cfo_hz=[5000.0, -4000.0])
    for user in receiver.receive(samples, 1000 + START).users:
        assert user.quality.slipped_samples == 0 and user.quality.gain_steps == 0
        assert user.clock_ppm == pytest.approx([35.0, -35.0][user.user], abs=1.5)


def test_payloads_of_any_length_are_judged():
    config = WaveformConfig()
    receiver = BurstReceiver(config)
    for k in (1, 200, 1500, 2100, 3300):
        samples, _ = air(config, k, np.random.default_rng(k), snr_db=10)
        for user in receiver.receive(samples, 1000 + START).users:
            assert user.quality.sinr.size == receiver.grid.payload_symbols(k)
            assert user.quality.sinr_db == pytest.approx(7, abs=2.5)


def test_parted_users_are_told_what_is_not_a_users_signal():
    """Users who send on different elements, each so much louder there: no other user disturbs them."""
    config, rng = WaveformConfig(), np.random.default_rng(8)
    receiver = BurstReceiver(config)
    samples, symbols = air(config, 8000, rng, snr_db=15, parted=True)
    powers = np.array([[2.0, 0.0], [0.0, 2.0]])
    for user in receiver.receive(samples, 1000 + START, powers=powers).users:
        own = slice(user.user, None, 2)
        true_db = decibels(true_sinr(user.features[own], symbols[user.user][own]))
        assert user.quality.sinr_db + decibels(2) == pytest.approx(true_db, abs=0.7)
        elements, counts = user.quality.symbol_sinr()
        assert decibels(np.average(elements, weights=counts)) == pytest.approx(true_db, abs=0.7)
        assert user.quality.excess_db == pytest.approx(0, abs=0.01) and user.quality.heard
        assert counts.sum() == pytest.approx(receiver.grid.payload_symbols(8000) * config.active_subcarriers)


def test_a_user_who_is_not_there_is_not_heard():
    config, heard = WaveformConfig(), []
    receiver = BurstReceiver(config)
    for seed in range(12):
        k = (500, 8000)[seed % 2]
        samples, _ = air(config, k, np.random.default_rng(seed), snr_db=15, users=[0])
        told = {1: FrameHeader(7, 1, "image", 8, 8, k, 1)}
        users = receiver.receive(samples, 1000 + START, told=told).users
        heard.append((users[0].quality.heard, users[1].quality.heard))
    assert heard == [(True, False)] * 12


@pytest.mark.filterwarnings("error")
def test_a_burst_that_its_pilots_explain_to_the_last_bit_is_still_weighed():
    ones = np.ones((12, 4), np.complex64)
    view = PilotView(ones, ones.sum(axis=1), np.full(12, 4.0), np.full(12, 4.0), np.ones((12, 4), int), 4)
    power = disturbance(view, 1e-15, np.zeros(12, bool)).power
    assert (power > 0).all() and np.isfinite(1 / power).all()
