"""Measurements against what the simulated air was told to do, and against closed forms."""

import numpy as np
import pytest

from calibration.errors import CalibrationError
from calibration.measure.antennas import antenna_differences
from calibration.measure.coherence import coherence_time
from calibration.measure.linearity import linearity
from calibration.measure.measurement import Measurement, combine
from calibration.measure.noise import noise_figure, noise_floor
from calibration.measure.receive_imbalance import receive_imbalance
from calibration.measure.transmit_imbalance import transmit_imbalance
from calibration.measure.users import average, measure_user
from radio.air.config import AirConfig, IqImbalanceConfig, LinkConfig, PowerAmplifierConfig
from radio.air.iq_imbalance import image_coefficients
from radio.air.link import Link
from radio.air.medium import Medium
from radio.samples import Samples
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter

RATE_HZ = 4e6
IMBALANCE = IqImbalanceConfig(gain_db=0.8, phase_deg=4.0)  # an image at -24.9 dBc


def tone_levels(received, frequency_hz, rate_hz=RATE_HZ):
    """Power of the tone, its image and DC, dB over the tone; a Blackman window keeps them apart."""
    n = np.arange(received.size)
    window = np.blackman(received.size)
    turns = np.outer(np.array([1, -1, 0]) * frequency_hz / rate_hz, n)
    lines = np.abs(np.exp(-2j * np.pi * turns) @ (window * received))
    return 20 * np.log10(lines[1:] / lines[0])


def test_combine_is_the_weighted_mean_and_widens_with_scatter():
    calm = combine([1.0, 1.0, 1.0, 1.0], [0.2] * 4, "Hz")
    assert calm.value == 1.0 and calm.standard_uncertainty == pytest.approx(0.1)
    assert combine([0.0, 10.0], [0.1, 0.1], "Hz").standard_uncertainty == pytest.approx(5.0)
    assert combine([0.0, np.nan, 3.0], [1.0, 1.0, 2.0], "Hz").value == pytest.approx(0.6)
    with pytest.raises(CalibrationError):
        combine([np.nan], [1.0], "Hz")


def test_noise_floor_and_figure():
    medium = Medium(AirConfig(noise_power=3e-4, seed=5))
    floor = noise_floor(Samples(medium.render(0, 1 << 17), 0, RATE_HZ))
    assert abs(floor.value - 10 * np.log10(3e-4)) < 4 * floor.standard_uncertainty < 0.15
    assert floor.standard_uncertainty == pytest.approx(10 / np.log(10) / np.sqrt(1 << 17), rel=0.5)
    # 0 dBFS at -20 dBm, 4 MHz: k T B is -107.96 dBm.
    figure = noise_figure(Measurement(-80.0, 0.1, "dBFS"), Measurement(-20.0, 0.5, "dBm"), 4e6)
    assert figure.value == pytest.approx(7.96, abs=0.02) and figure.standard_uncertainty == pytest.approx(
        0.51, abs=0.01
    )
    with pytest.raises(CalibrationError):
        noise_floor(Samples(np.zeros((1, 4096), np.complex64), 0, RATE_HZ))


def test_receive_imbalance_and_offset_fall_below_minus_fifty():
    level = 0.25 * 10 ** (-25 / 20)
    config = AirConfig(
        noise_power=0.0625, rx_iq_imbalance=IMBALANCE, rx_dc_offset=(level, -0.3 * level), seed=3, adc_bits=None
    )
    medium = Medium(config)
    found = receive_imbalance(Samples(medium.render(0, 1 << 20), 0, RATE_HZ))
    alpha, beta = image_coefficients(IMBALANCE)
    assert found.image_dbc == pytest.approx(20 * np.log10(abs(beta / alpha)), abs=0.5)
    assert abs(found.gain.value - 0.8) < 4 * found.gain.standard_uncertainty
    assert abs(found.phase.value - 4.0) < 4 * found.phase.standard_uncertainty
    assert abs(found.dc_i.value - level) < 4 * found.dc_i.standard_uncertainty
    # A tone through the same receiver without noise, corrected with what was found.
    quiet = Medium(config.model_copy(update={"noise_power": 0.0, "clock_ppm": 0.0, "phase_noise": None}))
    n = np.arange(1 << 15)
    tone = (0.25 * np.exp(2j * np.pi * 0.11 * n)).astype(np.complex64)
    quiet.add_burst(0, Samples(tone[None], 0, RATE_HZ))
    received = quiet.render(100, n.size - 200)[0]
    assert tone_levels(received, 0.11 * RATE_HZ).max() > -26
    assert tone_levels(found.correct(received), 0.11 * RATE_HZ).max() < -50


def test_receive_imbalance_refuses_what_is_none():
    n = np.arange(1 << 14)
    real = np.cos(0.1 * n).astype(np.complex64)
    for data in (real, real[:100], np.full(1 << 14, np.nan, np.complex64), real * (1 + 1j)):
        with pytest.raises(CalibrationError):
            receive_imbalance(Samples(data[None], 0, RATE_HZ))


def burst_of(config, user, k, seed=0):
    rng = np.random.default_rng(seed)
    symbols = ((rng.standard_normal(k) + 1j * rng.standard_normal(k)) / np.sqrt(2)).astype(np.complex64)
    return 0.25 * BurstTransmitter(config, user).modulate(symbols, FrameHeader(0, user, "image", 8, 8, k, 0))


@pytest.mark.parametrize("channel", ["awgn", "tdl-a"])
def test_transmit_imbalance_and_leakage_fall_below_minus_fifty(channel):
    waveform = WaveformConfig(users=1)
    burst = burst_of(waveform, 0, 16384)
    rms = np.sqrt(np.mean(np.abs(burst) ** 2))
    leak = rms * 10 ** (-25 / 20)
    air = AirConfig(
        noise_power=0.0625e-3, tx_iq_imbalance=IMBALANCE, tx_dc_offset=(leak, 0.2 * leak), channel=channel, seed=4
    )
    medium = Medium(air)
    truth = medium.add_burst(0, Samples(burst[None], 1000, RATE_HZ))
    samples = Samples(medium.render(500, burst.size + 1200), 500, RATE_HZ)
    frame = BurstReceiver(waveform).receive(samples, 1000)
    user = frame.users[0]
    delay = frame.start_tick + user.delay_samples - samples.start_tick
    found = transmit_imbalance(samples.data[0], burst, delay, user.cfo_hz, RATE_HZ)
    alpha, beta = image_coefficients(IMBALANCE)
    assert found.image == pytest.approx(beta / alpha, abs=0.002)
    assert abs(found.leakage - complex(*air.tx_dc_offset) / alpha) < 0.002 * rms * 1.6
    assert truth.tap_gains.size >= 1
    # The transmitter's own output, a tone, with the correction in front.
    ideal = Link(AirConfig.ideal(tx_iq_imbalance=IMBALANCE, tx_dc_offset=air.tx_dc_offset), 0, None)
    n = np.arange(1 << 14)
    tone = (rms * np.exp(2j * np.pi * 0.11 * n)).astype(np.complex64)
    assert tone_levels(ideal.transmit_chain(tone), 0.11 * RATE_HZ).max() > -26
    assert tone_levels(ideal.transmit_chain(found.predistort(tone)), 0.11 * RATE_HZ).max() < -50


def test_transmit_imbalance_refuses_a_burst_that_is_not_there():
    burst = burst_of(WaveformConfig(users=1), 0, 4096)
    rng = np.random.default_rng(1)
    noise = (rng.standard_normal(20000) + 1j * rng.standard_normal(20000)).astype(np.complex64)
    with pytest.raises(CalibrationError):
        transmit_imbalance(noise, burst, 100.0, 0.0, RATE_HZ)
    with pytest.raises(CalibrationError):
        transmit_imbalance(noise[:200], burst, 0.0, 0.0, RATE_HZ)


def test_compression_point_of_rapps_amplifier():
    amplifier = PowerAmplifierConfig(saturation_amplitude=0.5, smoothness=2.0)
    medium = Medium(AirConfig.ideal(power_amplifier=amplifier, noise_power=1e-6))
    levels, powers = np.arange(-30.0, 0.1, 1.0), []
    n = np.arange(4096)
    for i, level in enumerate(levels):
        tone = (10 ** (level / 20) * np.exp(2j * np.pi * 0.11 * n)).astype(np.complex64)
        medium.add_burst(0, Samples(tone[None], 8192 * i, RATE_HZ))
        got = medium.render(8192 * i, 4096)[0]
        powers.append(Measurement(10 * np.log10(np.mean(np.abs(got) ** 2)), 0.02, "dB"))
    found = linearity(levels, powers)
    closed = 20 * np.log10(0.5 * (10 ** (2 * 2 / 20) - 1) ** (1 / 4))
    assert abs(found.compression_point.value - closed) < 0.15
    assert found.gains[0].value == pytest.approx(0, abs=0.05)
    assert linearity(levels[:20], powers[:20]).compression_point is None
    with pytest.raises(CalibrationError):
        linearity(levels[:2], powers[:2])


def frames_of(air, waveform, count, k=0):
    receiver, medium, frames = BurstReceiver(waveform), Medium(air), []
    truths = {}
    for i in range(count):
        start = 1000 + 32768 * i
        for user in range(waveform.users):
            burst = burst_of(waveform, user, k, seed=i)
            truths[user] = medium.add_burst(user, Samples(burst[None], start, RATE_HZ))
        samples = Samples(medium.render(start - 800, burst.size + 1600), start - 800, RATE_HZ)
        frames.append((start, receiver.receive(samples, start)))
    return frames, truths


def test_every_users_link_within_its_stated_uncertainty():
    waveform = WaveformConfig()
    links = (LinkConfig(gain_db=0, delay_samples=2.4), LinkConfig(gain_db=-6, delay_samples=7.7))
    air = AirConfig(links=links, tx_ppm=(3.0, -4.0), rx_ppm=1.0, noise_power=0.0625 / 10, phase_noise=None)
    frames, truths = frames_of(air, waveform, 12)
    for user, truth in truths.items():
        singles = [measure_user(frame, user, start, waveform) for start, frame in frames]
        errors = np.array(
            [(m.carrier_offset.value - truth.cfo_hz, m.delay.value - truth.delay_samples) for m in singles]
        )
        stated = np.array([(m.carrier_offset.standard_uncertainty, m.delay.standard_uncertainty) for m in singles])
        normalised = np.sqrt(np.mean((errors / stated) ** 2, axis=0))
        assert np.all(normalised < 1.6), normalised
        together = average(singles)
        assert together.carrier_offset.value == pytest.approx(truth.cfo_hz, abs=8)
        assert together.clock_offset.value == pytest.approx(truth.clock_ppm, abs=0.01)
        assert together.delay.value == pytest.approx(truth.delay_samples, abs=0.1)
        # Transmitted amplitude 0.25, a user's share of the power 1 / 2, the link's gain.
        expected_db = 10 * np.log10(0.0625 / 2) + links[user].gain_db
        assert together.gain.value == pytest.approx(expected_db, abs=0.2)
        assert together.snr.value == pytest.approx(expected_db - 10 * np.log10(air.noise_power), abs=0.4)


def test_an_absent_user_has_no_measurement():
    waveform = WaveformConfig()
    medium = Medium(AirConfig(noise_power=1e-3))
    burst = burst_of(waveform, 0, 0)
    medium.add_burst(0, Samples(burst[None], 1000, RATE_HZ))
    samples = Samples(medium.render(0, burst.size + 2000), 0, RATE_HZ)
    frame = BurstReceiver(waveform).receive(samples, 1000)
    assert measure_user(frame, 1, 1000, waveform) is None and measure_user(frame, 0, 1000, waveform) is not None
    with pytest.raises(CalibrationError):
        average([])


def test_antenna_phases_are_those_of_the_air():
    waveform = WaveformConfig(users=1, rx_antennas=3)
    air = AirConfig(rx_antennas=3, noise_power=0.0625 / 30, seed=9)
    frames, truths = frames_of(air, waveform, 6)
    found = antenna_differences([frame.users[0].channel for _, frame in frames])
    for difference in found:
        expected = truths[0].tap_gains[difference.antenna, 0] / truths[0].tap_gains[0, 0]
        error = np.angle(np.exp(1j * np.deg2rad(difference.phase.value)) / expected, deg=True)
        assert abs(error) < 4 * difference.phase.standard_uncertainty and abs(error) < 3
        assert abs(difference.gain.value) < 4 * difference.gain.standard_uncertainty
    with pytest.raises(CalibrationError):
        antenna_differences([])


def test_coherence_time_of_a_jakes_channel():
    """|rho(t)| = J0(2 pi f t) is 1/2 at 2 pi f t = 1.5211."""
    doppler_hz, spacing_s = 20.0, 1e-3
    rng = np.random.default_rng(3)
    times = np.arange(600) * spacing_s
    angles = rng.uniform(0, 2 * np.pi, (64, 40))
    phases = rng.uniform(0, 2 * np.pi, (64, 40))
    paths = np.exp(1j * (2 * np.pi * doppler_hz * np.cos(angles)[None] * times[:, None, None] + phases))
    channels = paths.sum(axis=2) * np.exp(1j * rng.uniform(0, 2 * np.pi, (600, 1)))
    found = coherence_time(times, channels)
    assert found.value == pytest.approx(1.5211 / (2 * np.pi * doppler_hz), rel=0.15)
    still = coherence_time(times, np.ones((600, 4)))
    assert still.value > 0.29 and np.isinf(still.standard_uncertainty)
    with pytest.raises(CalibrationError):
        coherence_time(times[:5], channels[:5])
