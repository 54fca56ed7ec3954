"""What the receiver reports of the channel, against bursts of known amplitude and the codecs' own definition."""

import numpy as np
import pytest
import torch

from hil.bus.messages import Grant, Sent, Start, UserCsi
from hil.config import load_config
from hil.decoding.cancellation import without_users
from hil.session.channel_report import csi_report
from hil.session.feedback import side_information
from hil.session.slot import Slot
from models.codecs.channel import transmit
from radio.samples import Samples
from radio.waveform.burst.header import FrameHeader
from radio.waveform.reception.frame import ChannelEstimate, ReceivedFrame, ReceivedUser
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter
from tests.radio.waveform.propagation import noise, propagate

GRANT = Grant(5, 2, 1000, None)
START = 600


def frame(amplitudes, noise_power=0.01, undetected=()):
    """A received frame of users with these amplitudes per channel use and phases of 0.3 rad times their number."""
    users = []
    for user, amplitude in enumerate(amplitudes):
        values = np.full((1, 200), amplitude * np.exp(0.3j * user), np.complex64)
        snr_db = 10 * np.log10(amplitude**2 / noise_power)
        channel = ChannelEstimate(values, 1e-4, 1600)
        users.append(
            ReceivedUser(user, user not in undetected, channel=channel, power=amplitude**2, snr_db=snr_db,
                         cfo_hz=7.0 * user, clock_ppm=0.5 * user, delay_samples=1.5 * user)
        )  # fmt: skip
    total = sum(amplitude**2 for user, amplitude in enumerate(amplitudes) if user not in undetected)
    return ReceivedFrame(1602, tuple(users), noise_power, float(10 * np.log10(max(total, 1e-30) / noise_power)))


def reported(amplitudes, **options):
    waveform = load_config(None, {"users": len(amplitudes)}).waveform
    return csi_report(frame(amplitudes, **options), GRANT, 9000, 1600, waveform)


def test_gains_are_amplitudes_and_their_mean_square_is_one():
    """Users of amplitude 1, 2 and 4: gains in the same ratio, and 6 dB of power between one and the next."""
    report = reported([1.0, 2.0, 4.0])
    gains = np.array([user.gain for user in report.users])
    np.testing.assert_allclose(gains / gains[0], [1, 2, 4], rtol=1e-6)
    assert np.mean(gains**2) == pytest.approx(1)
    assert np.diff([user.power_db for user in report.users]) == pytest.approx([6.0206, 6.0206], abs=1e-3)
    assert report.users[0].power_db == pytest.approx(0)
    assert np.diff([user.snr_db for user in report.users]) == pytest.approx([6.0206, 6.0206], abs=1e-3)
    assert report.snr_db == pytest.approx(10 * np.log10(21 / 0.01))
    assert [round(user.phase_rad, 4) for user in report.users] == [0.0, 0.3, 0.6]
    assert [(user.user, user.cfo_hz, user.clock_ppm) for user in report.users] == [(0, 0, 0), (1, 7, 0.5), (2, 14, 1)]
    # From where the burst should have begun: 2 samples late, and what each user has on top.
    assert [user.arrival_samples for user in report.users] == [2.0, 3.5, 5.0]
    assert (report.slot, report.frame, report.measured_tick, report.now_tick) == (5, 2, 1602, 9000)


def test_who_was_not_detected_is_left_out_of_the_mean_too():
    report = reported([1.0, 2.0, 100.0], undetected=[2])
    assert [user.user for user in report.users] == [0, 1]
    assert np.mean([user.gain**2 for user in report.users]) == pytest.approx(1)


def test_nothing_found_reports_no_channel():
    waveform = load_config(None).waveform
    for nothing in (None, frame([1.0, 1.0], undetected=[0, 1])):
        report = csi_report(nothing, GRANT, 9000, 1600, waveform)
        assert report.users == [] and report.snr_db is None
    arrivals = [UserCsi(1, 0.0, 0.0, 1.0, 0.0, 0.0, arrival_samples=40.0)]
    report = csi_report(None, GRANT, 9000, 1600, waveform, arrivals)
    assert report.users == arrivals and report.snr_db is None and report.measured_tick == GRANT.slot_tick


def test_an_encoder_is_told_what_it_was_trained_with():
    """The same channel through models.codecs.channel: h of unit mean square, SNR as the paper has it."""
    h, snr_db = torch.tensor([[0.6 + 0j, 1.2806j]]), 12.0
    batch = transmit(torch.ones(1, 2, 8, dtype=torch.complex64), h[..., None], torch.tensor([snr_db]))
    # The waveform's amplitude of a user is h sqrt(1/N), whatever the level at the receiver.
    level = 0.05
    amplitudes = [level * abs(complex(one)) / np.sqrt(2) for one in h[0]]
    report = reported(amplitudes, noise_power=level**2 * 10 ** (-snr_db / 10))
    side = side_information(report, 2)
    np.testing.assert_allclose(side.gains, batch.gains[0].numpy(), rtol=1e-4)
    assert side.snr_db == pytest.approx(snr_db, abs=1e-3)


def test_bursts_of_known_amplitude_are_reported_as_such():
    """Through the whole receiver: amplitudes 1 and 0.4 (7.96 dB), carriers of +2 and -3 kHz."""
    config, rng = load_config(None, {"snr_db": 20}), np.random.default_rng(2)
    bursts = [
        BurstTransmitter(config.waveform, user).modulate(
            np.zeros(0, np.complex64), FrameHeader(0, user, "probe", 0, 0, 0, 0)
        )
        for user in range(2)
    ]
    length = START + bursts[0].size + 900
    total = noise(rng, length, 10**-2)
    for burst, amplitude, cfo_hz, phase in zip(bursts, (1.0, 0.4), (2000, -3000), (0.5, 2.0), strict=True):
        total[0] += amplitude * propagate(burst, length, delay=0.3, cfo_hz=cfo_hz, phase=phase, start=START)
    samples = Samples(total.astype(np.complex64), 1000, config.sample_rate_hz)
    received = BurstReceiver(config.waveform).receive(samples, 1000 + START)
    report = csi_report(received, GRANT, samples.end_tick, 1000 + START, config.waveform)
    first, second = report.users
    assert first.gain / second.gain == pytest.approx(2.5, rel=0.05)
    assert first.power_db - second.power_db == pytest.approx(7.96, abs=0.4)
    assert first.power_db == pytest.approx(10 * np.log10(0.5), abs=0.3)  # a user's share of unit power
    assert (first.cfo_hz, second.cfo_hz) == (pytest.approx(2000, abs=60), pytest.approx(-3000, abs=60))
    assert first.arrival_samples == pytest.approx(0.3, abs=0.15)
    assert report.snr_db == pytest.approx(10 * np.log10((0.5 + 0.08) / 0.01), abs=0.5)


def test_without_the_strong_user_gains_are_amplitudes_still():
    report = reported([1.0, 2.0, 4.0])
    left = without_users(report, frozenset({2}))
    gains = [user.gain for user in left.users]
    assert gains[1] / gains[0] == pytest.approx(2) and np.mean(np.square(gains)) == pytest.approx(1)
    assert left.snr_db == pytest.approx(10 * np.log10(5 / 0.01))


def test_told_headers_are_the_transmitters_own_words():
    slot = Slot(GRANT, Start(100, 10))
    slot.sent[1] = Sent(5, 2, 1, picture=9, height=40, width=60, n_symbols=300)
    slot.sent[0] = Sent(5, None, 0)  # a probe has no picture to tell of
    assert slot.told_headers() == {1: FrameHeader(2, 1, "image", 40, 60, 300, 9)}
