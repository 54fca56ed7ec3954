"""The receiver against a channel of the tests' own and against bounds."""

import numpy as np
import pytest

from radio.samples import Samples
from radio.waveform.acquisition.carrier import carrier_bound_hz, known_symbol_starts
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.channel.estimation import estimate_channel
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.separation.equalizer import lmmse_features
from radio.waveform.transmission.transmitter import BurstTransmitter
from tests.radio.waveform.propagation import noise, propagate

START = 600


def air(
    config,
    k,
    rng,
    *,
    snr_db=10.0,
    cfo_hz=None,
    ppm=None,
    delays=None,
    gains=None,
    taps=((0.0, 1.0),),
    users=None,
    tail=900,
    parted=False,
):
    """Window complex64 [antennas, n] and every user's symbols; k may differ per user. parted: one sends on each."""
    n_users = config.users
    k = [k] * n_users if isinstance(k, int) else k
    users = range(n_users) if users is None else users
    symbols = [((rng.standard_normal(n) + 1j * rng.standard_normal(n)) / np.sqrt(2)).astype(np.complex64) for n in k]
    if parted:
        for user, values in enumerate(symbols):
            values[np.arange(values.size) % n_users != user] = 0
            values *= np.float32(np.sqrt(n_users))
    longest = max(BurstTransmitter(config, 0).grid.burst_length(n) for n in k)
    length = START + longest + tail
    total = np.zeros((config.rx_antennas, length), complex)
    for user in users:
        header = FrameHeader(7, user, "image" if k[user] else "probe", 8, 8, k[user], user)
        burst = BurstTransmitter(config, user).modulate(symbols[user], header)
        for antenna in range(config.rx_antennas):
            total[antenna] += (1 if gains is None else gains[user]) * propagate(
                burst,
                length,
                delay=(0.3 + 1.7 * user) if delays is None else delays[user],
                cfo_hz=0.0 if cfo_hz is None else cfo_hz[user],
                phase=rng.uniform(0, 2 * np.pi),
                clock_ppm=0.0 if ppm is None else ppm[user],
                taps=taps,
                start=START,
            )
    noise_power = 10 ** (-snr_db / 10)
    total += noise(rng, length, noise_power, config.rx_antennas)
    return Samples(total.astype(np.complex64), 1000, config.sample_rate_hz), symbols


def aligned_residual_db(features, symbols, own, gains_power, noise_power):
    """Error of the features against the LMMSE closed form, relative to the form's own error, dB.

    With gains of power p_j the LMMSE error is 1 - p_i / (sum p + noise); anything above it is the receiver's.
    """
    expected = 1 - gains_power[own] / (sum(gains_power) + noise_power)
    return 10 * np.log10(np.mean(np.abs(features - symbols) ** 2) / expected)


def test_without_noise_the_view_is_the_closed_form():
    config, rng = WaveformConfig(), np.random.default_rng(1)
    samples, symbols = air(config, 8000, rng, snr_db=90, delays=[0.3, 0.3])
    frame = BurstReceiver(config).receive(samples, 1000 + START)
    for user in frame.users:
        assert user.header == FrameHeader(7, user.user, "image", 8, 8, 8000, user.user)
        assert user.delay_samples + frame.start_tick - 1000 - START == pytest.approx(0.3, abs=0.02)
        own, other = symbols[user.user], symbols[1 - user.user]
        basis = np.stack([own, other], axis=1)
        coefficients, *_ = np.linalg.lstsq(basis, user.features, rcond=None)
        # y conj(g_i) / (|g_0|^2 + |g_1|^2) with equal gains: half of the own symbol, half of the other turned.
        assert coefficients[0] == pytest.approx(0.5, abs=0.01)
        assert abs(coefficients[1]) == pytest.approx(0.5, abs=0.01)
        error = user.features - basis @ coefficients
        assert 10 * np.log10(np.mean(np.abs(error) ** 2)) < -35


@pytest.mark.parametrize(("snr_db", "margin_db"), [(0, 0.35), (10, 0.25), (20, 0.35)])
def test_feature_error_is_close_to_the_lmmse_bound(snr_db, margin_db):
    config, rng = WaveformConfig(), np.random.default_rng(snr_db)
    samples, symbols = air(config, 32768, rng, snr_db=snr_db, cfo_hz=[30.0, -30.0])
    frame = BurstReceiver(config).receive(samples, 1000 + START)
    assert frame.snr_db == pytest.approx(snr_db, abs=0.4)
    assert frame.noise_power == pytest.approx(10 ** (-snr_db / 10), rel=0.08)
    for user in frame.users:
        loss = aligned_residual_db(user.features, symbols[user.user], 0, [0.5, 0.5], 10 ** (-snr_db / 10))
        assert loss < margin_db


def test_carrier_error_is_near_the_cramer_rao_bound():
    """Both users on the air, 0 dB total: root mean square error against the bound of the known symbols."""
    config = WaveformConfig()
    errors = []
    for trial in range(40):
        rng = np.random.default_rng(trial)
        offsets = rng.uniform(-5000, 5000, 2)
        samples, _ = air(config, 0, rng, snr_db=0.0, cfo_hz=offsets)
        frame = BurstReceiver(config).receive(samples, 1000 + START)
        errors += [user.cfo_hz - offsets[user.user] for user in frame.users]
    rms_hz = np.sqrt(np.mean(np.square(errors)))
    # What the preamble alone holds, as one run of 1024 samples (Rife and Boorstyn), and what all known symbols hold.
    n, rate_hz, snr = 4 * 256, config.sample_rate_hz, 0.5 * 200 / 256
    preamble_hz = np.sqrt(6 * rate_hz**2 / ((2 * np.pi) ** 2 * snr * n * (n**2 - 1)))
    grid = BurstTransmitter(config, 0).grid
    times_s = np.concatenate(known_symbol_starts(grid, 0, 0)) / rate_hz
    all_hz = carrier_bound_hz(times_s, 0.5, config.active_subcarriers)
    assert rms_hz < preamble_hz
    assert 20 * np.log10(rms_hz / all_hz) < 3.0


def test_the_bound_agrees_with_rife_and_boorstyn():
    """For n equally spaced unit samples: 6 fs^2 / ((2 pi)^2 2 snr ... ) of numbers known in closed form."""
    n, snr, rate_hz = 64, 3.0, 1e5
    closed = np.sqrt(6 * rate_hz**2 / ((2 * np.pi) ** 2 * snr * n * (n**2 - 1)))
    assert carrier_bound_hz(np.arange(n) / rate_hz, snr, 1) == pytest.approx(closed, rel=1e-9)


def test_uncalibrated_clocks_of_twenty_ppm_still_decode():
    config, rng = WaveformConfig(), np.random.default_rng(3)
    cfo = [20e-6 * 2.45e9 * 1.9, -20e-6 * 2.45e9]
    samples, symbols = air(config, 16384, rng, snr_db=15, cfo_hz=cfo, ppm=[38.0, -20.0])
    frame = BurstReceiver(config).receive(samples, 1000 + START)
    for user, ppm in zip(frame.users, [38.0, -20.0], strict=True):
        assert user.header is not None and user.features.size == 16384
        assert user.clock_ppm == pytest.approx(ppm, abs=4)  # the other user falls on the pilots: 2.4 ppm rms
        correlation = np.vdot(symbols[user.user], user.features) / 16384
        assert abs(np.angle(correlation)) < 0.35 and abs(correlation) > 0.35


def test_multipath_and_near_far_of_ten_decibels():
    config, rng = WaveformConfig(), np.random.default_rng(4)
    taps = ((0.0, 0.8), (1.3, 0.5j), (4.1, -0.33))
    samples, _ = air(config, 4096, rng, snr_db=15, gains=[1.0, 0.316], taps=taps, cfo_hz=[4000, -4900])
    frame = BurstReceiver(config).receive(samples, 1000 + START)
    assert [user.header.user for user in frame.users] == [0, 1]
    assert 10 * np.log10(frame.users[0].power / frame.users[1].power) == pytest.approx(10, abs=0.8)
    response = sum(
        gain * np.exp(-2j * np.pi * tap * BurstTransmitter(config, 0).grid.frequencies_hz / 4e6) for tap, gain in taps
    )
    estimate = frame.users[0].channel.values[0]
    shape = np.abs(estimate) / np.sqrt(0.5)
    assert np.sqrt(np.mean((shape - np.abs(response)) ** 2)) < 0.05


def observed(config, taps, snr, symbols, rng):
    """True response complex [active] and observations complex64 [1, symbols, active] of it in noise."""
    f = ResourceGrid(config).frequencies_hz / config.sample_rate_hz
    response = sum(gain * np.exp(-2j * np.pi * f * delay) for delay, gain in taps)
    seen = response + noise(rng, symbols * f.size, 1 / snr).reshape(1, symbols, f.size)
    return response, seen.astype(np.complex64)


@pytest.mark.parametrize("snr_db", [0, 10, 20])
def test_channel_error_of_one_path_is_near_its_bound_and_is_stated(snr_db):
    """One path is a complex amplitude and a delay: 1.5 complex parameters, so 1.5 noise_power / (symbols active)."""
    config, snr, errors, stated = WaveformConfig(), 10 ** (snr_db / 10), [], []
    for trial in range(60):
        rng = np.random.default_rng(100 + trial)
        taps = [(rng.uniform(4, 12), np.exp(2j * np.pi * rng.random()))]
        response, seen = observed(config, taps, snr, 6, rng)
        values, variance = estimate_channel(seen.mean(axis=1), config, 1 / (6 * snr))
        errors.append(np.mean(np.abs(values[0] - response) ** 2))
        stated.append(variance)
    bound = 1.5 / (snr * 6 * config.active_subcarriers)
    assert 10 * np.log10(np.mean(errors) / bound) < 1.0
    assert 10 * np.log10(np.mean(stated) / np.mean(errors)) == pytest.approx(0, abs=1.5)


@pytest.mark.parametrize("spread", [0.4, 1.2])
@pytest.mark.parametrize("snr_db", [0, 15])
def test_channel_error_of_dense_multipath_is_near_the_lmmse_bound(spread, snr_db):
    """Against the LMMSE error with the true delay profile: tr(R - R (R + v I)^-1 R) / active.

    The bound knows all delays. Where noise is low enough to resolve them, finding them costs up to half as much again.
    """
    config, snr, errors = WaveformConfig(), 10 ** (snr_db / 10), []
    delays = 8 + spread * np.array([0, 0.4, 0.6, 1.5, 2.2, 3.0, 4.6])
    powers = np.array([0.3, 0.25, 0.15, 0.1, 0.1, 0.06, 0.04])
    for trial in range(80):
        rng = np.random.default_rng(300 + trial)
        gains = np.sqrt(powers / 2) * (rng.standard_normal(7) + 1j * rng.standard_normal(7))
        response, seen = observed(config, list(zip(delays, gains, strict=True)), snr, 6, rng)
        errors.append(np.mean(np.abs(estimate_channel(seen.mean(axis=1), config, 1 / (6 * snr))[0][0] - response) ** 2))
    f = ResourceGrid(config).frequencies_hz / config.sample_rate_hz
    responses = np.exp(-2j * np.pi * np.outer(f, delays))
    eigenvalues = np.linalg.eigvalsh((responses * powers) @ responses.conj().T).clip(0)
    v = 1 / (6 * snr)
    bound = np.sum(eigenvalues * v / (eigenvalues + v)) / config.active_subcarriers
    assert 10 * np.log10(np.mean(errors) / bound) < (1.6 if snr_db == 0 else 2.8)


def test_two_distant_paths_cost_less_than_the_delays_between_them():
    config, errors = WaveformConfig(), []
    for trial in range(30):
        rng = np.random.default_rng(500 + trial)
        response, seen = observed(config, [(7.3, 0.8), (21.8, 0.6j)], 10.0, 6, rng)
        errors.append(np.mean(np.abs(estimate_channel(seen.mean(axis=1), config, 0.1 / 6)[0][0] - response) ** 2))
    assert 10 * np.log10(np.mean(errors) / (3 * 0.1 / (6 * config.active_subcarriers))) < 1.5


def test_payloads_of_different_length():
    config, rng = WaveformConfig(), np.random.default_rng(5)
    samples, symbols = air(config, [9000, 1500], rng, snr_db=25)
    frame = BurstReceiver(config).receive(samples, 1000 + START)
    assert [user.features.size for user in frame.users] == [9000, 1500]
    # Where user 1 has ended, user 0 is alone and its view is nearly its symbol.
    grid = BurstTransmitter(config, 0).grid
    alone = grid.payload_positions(9000) // 200 >= grid.payload_symbols(1500)
    error = np.mean(np.abs(frame.users[0].features[alone] - symbols[0][alone]) ** 2)
    assert 10 * np.log10(error) < -18


def test_a_missing_user_is_reported_and_the_other_received():
    config, rng = WaveformConfig(), np.random.default_rng(6)
    samples, symbols = air(config, 2000, rng, snr_db=20, users=[1])
    frame = BurstReceiver(config).receive(samples, 1000 + START)
    assert not frame.users[0].detected and "not detected" in frame.users[0].reason
    assert np.mean(np.abs(frame.users[1].features - symbols[1]) ** 2) < 0.03


def test_a_user_hidden_by_a_fade_is_read_with_the_header_from_the_control_channel():
    config, rng = WaveformConfig(), np.random.default_rng(7)
    samples, _ = air(config, 2000, rng, snr_db=20, gains=[1.0, 1e-4])
    told = {1: FrameHeader(7, 1, "image", 8, 8, 2000, 1)}
    frame = BurstReceiver(config).receive(samples, 1000 + START, told=told)
    assert not frame.users[1].header_read and frame.users[1].features.size == 2000
    assert np.mean(np.abs(frame.users[1].features) ** 2) < 0.05  # an erasure weighs little


def test_two_antennas_separate_what_one_cannot():
    rng = np.random.default_rng(8)
    config = WaveformConfig(rx_antennas=2)
    samples, symbols = air(config, 4000, rng, snr_db=30)
    frame = BurstReceiver(config).receive(samples, 1000 + START)
    for user in frame.users:
        assert np.mean(np.abs(user.features - symbols[user.user]) ** 2) < 0.1


@pytest.mark.parametrize("users", [1, 4, 8])
def test_one_to_eight_users(users):
    rng = np.random.default_rng(users)
    config = WaveformConfig(users=users)
    samples, _ = air(config, 600, rng, snr_db=20, delays=[0.2 + 0.9 * user for user in range(users)])
    frame = BurstReceiver(config).receive(samples, 1000 + START)
    assert all(user.header_read and user.features.size == 600 for user in frame.users)


def test_lmmse_weights_agree_with_a_direct_solution():
    rng = np.random.default_rng(9)
    for antennas in (1, 3):
        gains = rng.standard_normal((3, antennas, 5)) + 1j * rng.standard_normal((3, antennas, 5))
        received = rng.standard_normal((antennas, 5)) + 1j * rng.standard_normal((antennas, 5))
        views = lmmse_features(received, gains, 0.3)
        for n in range(5):
            g = gains[:, :, n].T
            expected = g.conj().T @ np.linalg.inv(g @ g.conj().T + 0.3 * np.eye(antennas)) @ received[:, n]
            np.testing.assert_allclose(views[:, n], expected, rtol=1e-4, atol=1e-5)


def test_detection_and_false_alarms_at_zero_decibels():
    config = WaveformConfig()
    receiver = BurstReceiver(config)
    for trial in range(30):
        rng = np.random.default_rng(trial)
        samples, _ = air(config, 0, rng, snr_db=0.0, cfo_hz=rng.uniform(-9800, 9800, 2))
        frame = receiver.receive(samples, 1000 + START)
        assert frame is not None and all(user.detected for user in frame.users)
        silence = Samples(noise(rng, 6000, 1.0), 0, 4e6)
        assert receiver.receive(silence) is None


@pytest.mark.parametrize("kind", ["silence", "nan", "inf", "saturated", "short", "empty"])
def test_bad_samples_are_survived(kind):
    config, rng = WaveformConfig(), np.random.default_rng(10)
    samples, _ = air(config, 2000, rng, snr_db=20)
    data = samples.data.copy()
    if kind == "silence":
        data[:] = 0
    elif kind in ("nan", "inf"):
        data[:, 4000:4100] = complex(float(kind), 0)
    elif kind == "saturated":
        data = np.clip(data.real, -0.05, 0.05) + 1j * np.clip(data.imag, -0.05, 0.05)
    elif kind == "short":
        data = data[:, :500]
    elif kind == "empty":
        data = data[:, :0]
    frame = BurstReceiver(config).receive(Samples(data.astype(np.complex64), 0, 4e6))
    if kind in ("silence", "short", "empty"):
        assert frame is None
    else:
        assert frame is not None and all(np.all(np.isfinite(user.features)) for user in frame.users)


def test_a_burst_cut_by_the_end_of_the_samples_says_so():
    config, rng = WaveformConfig(), np.random.default_rng(11)
    samples, _ = air(config, 8000, rng, snr_db=20)
    cut = Samples(samples.data[:, : START + 9000], 0, 4e6)
    frame = BurstReceiver(config).receive(cut)
    assert all("cut off" in user.reason for user in frame.users)


def test_without_an_expected_time_the_whole_window_is_searched():
    config, rng = WaveformConfig(), np.random.default_rng(12)
    samples, _ = air(config, 1000, rng, snr_db=10, tail=20_000)
    frame = BurstReceiver(config).receive(samples)
    assert frame is not None and abs(frame.start_tick - 1000 - START) < 4


def test_a_tone_that_repeats_as_well_is_not_taken_for_the_carrier():
    """As loud as a user, in the middle of its band: the tone is there in every repeat, with a carrier of its own."""
    config, errors = WaveformConfig(), []
    for trial in range(12):
        rng = np.random.default_rng(700 + trial)
        received, _ = air(config, 2000, rng, cfo_hz=(4900.0, -4900.0), snr_db=10)
        tone = 0.7 * np.exp(2j * np.pi * (250.3e3 / 4e6 * np.arange(received.n_samples) + rng.random()))
        mixed = Samples((received.data + tone).astype(np.complex64), received.start_tick, received.sample_rate_hz)
        frame = BurstReceiver(config).receive(mixed)
        assert frame is not None
        errors += [abs(user.cfo_hz - sent) for user, sent in zip(frame.users, (4900.0, -4900.0), strict=True)]
    assert np.mean(np.array(errors) < 60) >= 0.9


@pytest.mark.parametrize("cp_samples", [200, 250, 256])
def test_the_start_is_right_with_prefixes_of_up_to_a_whole_symbol(cp_samples):
    config, starts = WaveformConfig(cp_samples=cp_samples), []
    for trial in range(4):
        rng = np.random.default_rng(trial)
        taps = ((0.0, 0.8), (5.3, 0.5j), (0.6 * cp_samples, 0.3))
        samples, _ = air(config, 900, rng, snr_db=15.0, taps=taps, cfo_hz=[3000, -3000])
        frame = BurstReceiver(config).receive(samples)
        assert all(user.header_read and user.features.size == 900 for user in frame.users)
        starts.append(frame.start_tick)
    assert starts == pytest.approx([1000 + START] * 4, abs=2)
