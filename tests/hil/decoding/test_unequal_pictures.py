"""Users whose pictures differ in size, from picture to picture through waveform and codec."""

import numpy as np
import pytest

from hil.bus.messages import Grant, Link, SharedBy, Start
from hil.config import load_config
from hil.decoding.frame_decoder import FrameDecoder
from hil.results.rows import ResultRow, read_rows
from hil.results.writer import ResultWriter
from hil.session.sharing import sharing_of
from hil.session.slot import Slot
from models.decoding.decoder import SemanticDecoder
from models.images.open import open_images
from models.package.zoo import codec_folder
from models.runtime.encoder import SemanticEncoder
from models.side_information import SideInformation
from radio.samples import Samples
from radio.waveform.burst.header import FrameHeader
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter
from tests.radio.waveform.propagation import noise, propagate

SIZES, START, SNR_DB, AMPLITUDE = ((256, 192), (128, 128)), 600, 10.0, 0.25


@pytest.fixture(scope="module")
def pictures() -> dict[int, np.ndarray]:
    source = open_images("demo")
    whole = [source[number].pixels for number in (0, 2)]
    return {user: one[: SIZES[user][0], : SIZES[user][1]].copy() for user, one in enumerate(whole)}


def rows_of(
    form: str, codec: str, antennas: int, sent: dict[int, np.ndarray], tmp_path, seed: int = 2
) -> list[ResultRow]:
    """One frame of every user through a flat channel of the test's own; rows with PSNR and the ideal receiver's."""
    config = load_config(
        None,
        {"codec": codec, "snr_db": SNR_DB, "rx_antennas": antennas, "users": len(sent), "refine": False, "seed": seed},
    )
    grant = Grant(4, 0, 1000, None, sharing=SharedBy(form, "", None, None))
    sharing, rng = sharing_of(grant, config), np.random.default_rng(seed)
    encoder, decoder = SemanticEncoder.load(codec_folder(codec)), SemanticDecoder.load(codec_folder(codec), "cpu")
    transmitters = [BurstTransmitter(config.waveform, user) for user in sent]
    slot = Slot(grant, Start(0, START), originals=dict(sent))
    bursts = []
    for user, picture in sent.items():
        side = SideInformation.default(len(sent))
        slot.symbols[user] = encoder.encode(picture, user, side, sharing)
        header = FrameHeader(0, user, "image", *picture.shape[:2], slot.symbols[user].size, user)
        bursts.append(transmitters[user].modulate(slot.symbols[user], header))
    length = START + max(burst.size for burst in bursts) + 900
    noise_power = AMPLITUDE**2 * 10 ** (-SNR_DB / 10)
    received = noise(rng, length, noise_power, antennas)
    for user, burst in enumerate(bursts):
        gains = np.exp(2j * np.pi * rng.uniform(size=antennas))
        for antenna, gain in enumerate(gains):
            received[antenna] += AMPLITUDE * gain * propagate(burst, length, delay=0.5 + user, phase=0.0, start=START)
        taps = [[(float(gain.real), float(gain.imag))] for gain in gains]
        slot.links[user] = Link(user, 1000 + START, 0.0, 0.0, 0.5 + user, [0.0], taps, noise_power)
    slot.samples = Samples(received.astype(np.complex64), 1000, config.sample_rate_hz)
    writer = ResultWriter(tmp_path, resume=True)
    frame_decoder = FrameDecoder(config, decoder, None, writer)
    slot.powers = frame_decoder.powers(grant)
    slot.received = BurstReceiver(config.waveform).receive(slot.samples, 1000 + START, powers=slot.powers)
    assert frame_decoder.decode(slot) == len(sent)
    writer.close()
    return sorted(read_rows(tmp_path), key=lambda row: row.user)


@pytest.mark.parametrize(("form", "antennas"), [("parted", 1), ("0.5", 2), ("superposed", 2)])
def test_the_ideal_receiver_is_as_good_as_the_real_one(form, antennas, pictures, tmp_path) -> None:
    """In the mean over users and two noises: each receiver has a noise of its own, which moves a picture by 0.1 dB."""
    losses_db = [
        row.ideal_psnr_db - row.psnr_db
        for seed in range(2)
        for row in rows_of(form, "real-time", antennas, pictures, tmp_path / str(seed), seed)
    ]
    assert -0.1 < np.mean(losses_db) < 0.3


def test_a_parted_user_has_the_sinr_of_one_alone(pictures, tmp_path) -> None:
    """Each has half the channels at twice the power: the SNR of all together, whatever the other one's size."""
    for row in rows_of("parted", "real-time", 1, pictures, tmp_path):
        assert row.separated_sinr_db == pytest.approx(SNR_DB, abs=0.5)
        assert row.ideal_psnr_db > 30


def test_users_who_learned_to_part_do_so_beside_a_larger_picture(pictures, tmp_path) -> None:
    """compact-2u learned its one way of sharing on pictures of one size. Of the larger picture a part is heard alone,
    which it did not learn.
    """
    row = rows_of("parted", "compact-2u", 1, pictures, tmp_path / "unequal")[1]
    equal = rows_of("parted", "compact-2u", 1, {0: pictures[1], 1: pictures[1]}, tmp_path / "equal")[1]
    assert row.psnr_db == pytest.approx(equal.psnr_db, abs=0.3)


def test_both_receivers_tell_their_decoders_the_same_of_a_picture_that_outlasts_the_other(
    pictures, tmp_path, monkeypatch
) -> None:
    """Superposed on one antenna at 10 dB: -0.4 dB beside the other one (half the power over half and the noise)."""
    told = []
    decode = SemanticDecoder.decode_float

    def spy(self, features, user, side, *rest):
        told.append((user, side.sinr_db[user]))
        return decode(self, features, user, side, *rest)

    monkeypatch.setattr(SemanticDecoder, "decode_float", spy)
    rows_of("superposed", "real-time", 1, pictures, tmp_path)
    real, ideal = dict(told[:2]), dict(told[2:])
    for user in range(2):
        assert ideal[user] == pytest.approx(real[user], abs=0.6)
    assert ideal[1] == pytest.approx(10 * np.log10(0.5 / 0.6), abs=0.4)
    assert ideal[0] > 2  # of its uses two thirds are heard alone
