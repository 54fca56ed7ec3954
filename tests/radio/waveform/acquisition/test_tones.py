"""Tones on any carrier and beside the band: found, told, taken out; a signal is no tone."""

import numpy as np
import pytest

from radio.samples import EventKind, Samples
from radio.waveform.acquisition.tones import without_tones
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.reception.stream_receiver import StreamReceiver
from tests.radio.waveform.propagation import noise
from tests.radio.waveform.reception.test_receiver import START, air

CONFIG = WaveformConfig()
OVER_NOISE_DB = [-5, 0, 20]
PLACES = [0.0, 20 / 256, -71.3 / 256, 0.45]  # cycles per sample: the carrier, on a subcarrier, between, out of band


def tone(cycles: float, power: float, length: int) -> np.ndarray:
    return np.sqrt(power) * np.exp(2j * np.pi * cycles * np.arange(length) + 0.4j)


@pytest.mark.parametrize("cycles", PLACES)
@pytest.mark.parametrize("over_db", [-12, 0, 30])
def test_a_tone_in_noise_is_measured_and_what_is_left_is_the_noise(each_backend, cycles, over_db):
    rng, power = np.random.default_rng(1), 10 ** (over_db / 10)
    air_noise = noise(rng, 30_011, 1.0, 2)
    left, tones = without_tones((air_noise + tone(cycles, power, 30_011)).astype(np.complex64))
    assert len(tones) == 1
    assert tones[0].cycles == pytest.approx(cycles, abs=3e-6)
    assert 10 * np.log10(tones[0].power / power) == pytest.approx(0, abs=0.5)
    assert np.mean(np.abs(left - air_noise) ** 2) < 5e-3


def test_two_tones_of_which_one_hides_the_other_are_both_taken_out():
    rng = np.random.default_rng(2)
    mixed = noise(rng, 40_000, 1.0) + tone(0.1, 1e4, 40_000) + tone(0.103, 0.5, 40_000)
    left, tones = without_tones(mixed.astype(np.complex64))
    assert sorted(round(one.cycles, 4) for one in tones) == [0.1, 0.103]
    assert np.mean(np.abs(left) ** 2) < 1.05


@pytest.mark.parametrize(("users", "k"), [(1, 300), (2, 300), (2, 9000), (8, 300)])
def test_bursts_with_all_their_preambles_are_no_tones(users, k):
    config = WaveformConfig(users=users)
    samples, _ = air(config, k, np.random.default_rng(3), snr_db=30, taps=((0.0, 0.8), (1.3, 0.5j), (4.1, -0.33)))
    left, tones = without_tones(samples.data)
    assert left is samples.data and tones == ()


@pytest.mark.parametrize("cycles", PLACES)
@pytest.mark.parametrize("over_db", OVER_NOISE_DB)
def test_a_tone_costs_next_to_nothing_and_no_detection(cycles, over_db):
    samples, symbols = air(CONFIG, 6000, np.random.default_rng(4), snr_db=10.0)
    power = 0.1 * 10 ** (over_db / 10)
    hit = samples.data + tone(cycles, power, samples.n_samples)
    clean = BurstReceiver(CONFIG).receive(samples, 1000 + START)
    frame = BurstReceiver(CONFIG).receive(Samples(hit.astype(np.complex64), 1000, CONFIG.sample_rate_hz), 1000 + START)
    assert [one.cycles for one in frame.tones] == [pytest.approx(cycles, abs=3e-6)]
    for one, other, sent in zip(frame.users, clean.users, symbols, strict=True):
        error, least = (np.mean(np.abs(user.features - sent) ** 2) for user in (one, other))
        assert 10 * np.log10(error / least) < 0.2


@pytest.mark.parametrize("cycles", PLACES)
def test_the_stream_search_is_not_opened_by_tones_and_tells_them_once(cycles):
    rng, burst = np.random.default_rng(5), air(CONFIG, 900, np.random.default_rng(6), snr_db=10.0)[0].data
    data = noise(rng, 400_000, 0.1)
    data[:, 300_000 : 300_000 + burst.shape[1]] = burst
    data += tone(cycles, 0.1, data.shape[1])
    receiver, frames = StreamReceiver(CONFIG), []
    for i in range(0, data.shape[1], 50_000):
        part = data[:, i : i + 50_000].astype(np.complex64)
        frames += receiver.push(Samples(part, i, CONFIG.sample_rate_hz))
    frames += receiver.flush()
    assert [[user.features.size for user in frame.users] for frame in frames] == [[900, 900]]
    assert receiver.examined <= 5
    told = receiver.take_events()
    assert [event.kind for event in told] == [EventKind.INTERFERENCE]
    assert told[0].frequency_hz == pytest.approx(cycles * CONFIG.sample_rate_hz, abs=20)
    assert told[0].power == pytest.approx(0.1, rel=0.1)
