"""Protected bits at length: frame errors of two users with 64 bytes each, over the simulated air's channels."""

import numpy as np
import pytest

from radio.air.config import AirConfig, LinkConfig
from radio.air.medium import Medium
from radio.air.tdl import delay_profile
from radio.samples import Samples
from radio.waveform.burst import bits as code
from radio.waveform.burst.bits import LEAST_SNR_DB, symbols_for
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter

AMPLITUDE, START, K = 0.25, 600, 2000
USES_OF_256_PIXELS = 32768  # of a picture of 256x256 pixels with compact-2u or real-time
pytestmark = pytest.mark.proof


def lost_frames(config, bits_symbols, snr_db, channel, bursts):
    """Frames of protected bits that did not arrive as they were sent, of bursts * users; headers are told."""
    receiver, lost = BurstReceiver(config), 0
    for number in np.random.SeedSequence(20).generate_state(bursts):
        rng = np.random.default_rng(number)
        links = [LinkConfig(delay_samples=1 + 3 * rng.random()) for _ in range(config.users)]
        medium = Medium(
            AirConfig(
                seed=int(number),
                channel=channel,
                rx_antennas=config.rx_antennas,
                noise_power=AMPLITUDE**2 * 10 ** (-snr_db / 10),
                links=links,
                tx_ppm=tuple(rng.normal(0, 0.05, config.users)),
                rx_ppm=0.0,
            )
        )
        sent, told = [], {}
        for user in range(config.users):
            symbols = (rng.standard_normal((K, 2)) @ [1, 1j] / np.sqrt(2)).astype(np.complex64)
            sent.append(rng.bytes(config.bits_bytes))
            told[user] = FrameHeader(0, user, "image", 64, 64, K, user, bits_symbols)
            burst = BurstTransmitter(config, user).modulate(symbols, told[user], sent[user])
            medium.add_burst(user, Samples(AMPLITUDE * burst[None], START, config.sample_rate_hz))
        heard = Samples(medium.render(0, START + burst.size + 300), 0, config.sample_rate_hz)
        frame = receiver.receive(heard, START, told=told)
        arrived = [None] * config.users if frame is None else [user.protected for user in frame.users]
        lost += sum(data != content for data, content in zip(arrived, sent, strict=True))
    return lost


@pytest.mark.parametrize("snr_db", [0.0, LEAST_SNR_DB])
def test_at_most_an_eighth_of_a_burst_of_256_pixels(snr_db):
    config = WaveformConfig(bits_bytes=64)
    grid = ResourceGrid(config, symbols_for(config, snr_db))
    whole = grid.burst_length(USES_OF_256_PIXELS)
    assert grid.bits_symbols * grid.symbol_samples < 0.12 * whole


def test_one_frame_of_a_thousand_at_0_db_in_white_noise():
    config = WaveformConfig(bits_bytes=64)
    lost = lost_frames(config, symbols_for(config, 0.0), 0.0, "awgn", bursts=1500)
    print(f"{lost} of 3000 frames lost")
    assert lost <= 3


@pytest.mark.parametrize(("antennas", "most"), [(2, 0.01), (1, 0.015)])
def test_frames_at_5_db_with_several_paths_that_fade(antennas, most):
    """With two antennas one of a hundred; with one antenna the fades themselves are deeper than that."""
    config = WaveformConfig(bits_bytes=64, rx_antennas=antennas)
    lost = lost_frames(config, symbols_for(config, LEAST_SNR_DB), 5.0, "tdl-a", bursts=600)
    print(f"{lost} of 1200 frames lost")
    assert lost <= most * 1200


def test_with_one_antenna_the_fades_themselves_are_what_is_lost():
    """At 5 dB on TDL-A: with the channel known to the receiver, and with a code that reaches capacity."""
    config = WaveformConfig(bits_bytes=64)
    grid = ResourceGrid(config, symbols_for(config, LEAST_SNR_DB))
    places = grid.bits_positions(0).reshape(-1)
    profile, snr, frames = delay_profile("tdl-a"), 10**0.5, 4000
    turns = np.exp(-2j * np.pi * np.outer(profile.delays * AirConfig().delay_spread_s, grid.frequencies_hz))
    rng, lost, out = np.random.default_rng(1), 0, 0
    for _ in range(frames):
        gains = ((np.sqrt(profile.powers / 2) * (rng.standard_normal((profile.powers.size, 2)) @ [1, 1j]).T) @ turns)[
            places
        ]
        content = rng.bytes(64)
        noise = rng.standard_normal((places.size, 2)) @ [1, 1j] / np.sqrt(2 * snr)
        heard = gains * code.modulate(content, 64, places.size) + noise
        lost += code.demodulate(gains.conj() * heard, 64) != content
        out += np.log2(1 + snr * np.abs(gains) ** 2).sum() < 512
    print(f"{lost} of {frames} frames lost, {out} beyond capacity")
    assert 0.008 < lost / frames < 0.02 and 0.002 < out / frames < 0.01
