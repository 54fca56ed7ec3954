"""Headers whose OFDM symbols are each turned by a phase of their own."""

import numpy as np
import pytest

from radio.samples import Samples
from radio.waveform.burst import header as code
from radio.waveform.burst.header import FrameHeader
from radio.waveform.burst.turned_symbols import agreement, straight
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter
from tests.radio.waveform.propagation import noise

HEADER = FrameHeader(77, 1, "image", 32, 48, 5000, 12)


@pytest.mark.parametrize("snr_db", [3.0, 10.0, 40.0])
def test_any_phase_of_every_symbol_is_undone(each_backend, snr_db):
    """Within 3 dB of AWGN the code alone needs about 0 dB with six copies of its word."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        sent = code.modulate(HEADER, 1200).reshape(6, 200)
        turned = sent * np.exp(2j * np.pi * rng.random((6, 1))) + noise(rng, 200, 10 ** (-snr_db / 10), 6)
        assert code.demodulate_turned(turned.astype(np.complex64)) == HEADER


def test_the_first_way_to_read_a_header_turns_its_first_symbol_least():
    rng, sent = np.random.default_rng(2), code.modulate(HEADER, 1200).reshape(6, 200)
    turned = sent * np.exp(1j * np.array([0.3, 1.9, -2.0, 0.1, 3.0, -1.0]))[:, None]
    ways = straight((turned + noise(rng, 200, 0.01, 6)).astype(np.complex64), code.HEADER_BITS)
    assert len(ways) == 2
    assert np.mean(np.abs(ways[0] - sent) ** 2) < 0.02


def test_noise_silence_and_not_numbers_are_no_header():
    rng = np.random.default_rng(3)
    assert code.demodulate_turned(np.zeros((6, 200), np.complex64)) is None
    assert code.demodulate_turned(np.full((6, 200), np.nan, np.complex64)) is None
    for _ in range(20):
        assert code.demodulate_turned(noise(rng, 200, 1.0, 6).astype(np.complex64)) is None


def test_bits_that_noise_would_be_read_as_agree_with_too_little_of_it(monkeypatch):
    """Were the checksum right by chance, as once in 65536, the header would still be refused."""
    rng = np.random.default_rng(4)
    monkeypatch.setattr(code, "from_bits", lambda bits: HEADER)
    assert code.demodulate_turned(noise(rng, 200, 1.0, 6).astype(np.complex64)) is None
    sent = code.modulate(HEADER, 1200).reshape(6, 200)
    assert agreement(sent * np.exp(1j * np.arange(6))[:, None], sent) == pytest.approx(1)
    assert agreement(noise(rng, 200, 1.0, 6), sent) < 0.05


@pytest.mark.parametrize("linewidth_hz", [300.0, 1000.0])
def test_headers_are_read_through_oscillators_with_a_wide_line(linewidth_hz):
    """20 dB; a Wiener phase for each of two users. Before, a third of them was lost."""
    config, k = WaveformConfig(), 500
    for seed in range(6):
        rng, received = np.random.default_rng(seed), 0
        for user in range(2):
            symbols = noise(rng, k, 1.0)[0].astype(np.complex64)
            header = FrameHeader(seed, user, "image", 8, 8, k, user)
            burst = np.pad(BurstTransmitter(config, user).modulate(symbols, header), 600)
            steps = np.sqrt(2 * np.pi * linewidth_hz / config.sample_rate_hz) * rng.standard_normal(burst.size)
            received = received + burst * np.exp(1j * np.cumsum(steps))
        received = received + noise(rng, received.size, 0.01)
        frame = BurstReceiver(config).receive(Samples(received.astype(np.complex64), 0, config.sample_rate_hz), 600)
        read = [(user.header_read, user.header.frame, user.header.user) for user in frame.users if user.header]
        assert read == [(True, seed, 0), (True, seed, 1)]
