"""A burst with three pictures of both users, from its samples to their rows, with a codec whose symbols are random."""

import dataclasses
import hashlib

import msgspec
import numpy as np
import pytest

from hil.bus.messages import CsiReport, Grant, Link, Sent, Start, UserCsi
from hil.bus.parts import SentItem
from hil.config import load_config
from hil.decoding.cancellation import Canceller
from hil.decoding.frame_decoder import FrameDecoder
from hil.decoding.unsent import HeldBack
from hil.results.rows import ResultRow, read_rows
from hil.results.session_recording import SessionRecorder, recorded_slots
from hil.results.writer import ResultWriter
from hil.session.burst.several import pictures_of
from hil.session.feedback import side_information
from hil.session.slot import Slot
from radio.recording import SigmfReader
from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter
from tests.radio.waveform.propagation import noise, propagate

K, FRAME, PICTURES, START, TICK, SNR_DB, AMPLITUDE = 600, 5, 3, 600, 1000, 20.0, 0.25
OPTIONS = {"snr_db": SNR_DB, "codec": "compact-2u", "waveform.bits_bytes": 12}
GAINS = (1.2, 0.748)
BRIGHT = [[20 + 40 * place + 100 * user for place in range(PICTURES)] for user in range(2)]
LAST = CsiReport(3, None, 0, 0, 11.0, [UserCsi(user, 0.0, 0.0, 1.0, 0.0, 17.0) for user in range(2)])


def picture(user, place):
    return np.full((4, 4, 3), BRIGHT[user][place], np.uint8)


class Codec:
    """Symbols that depend on brightness, user and side information; the decoder finds which brightness it was."""

    sharing = None
    all_channels = 8

    def __init__(self):
        self.together = []

    def channel_uses(self, height, width, _sharing=None):
        return K * height * width // 16

    def plan_of(self, *_received):
        return None

    def encode(self, pixels, user, side, _sharing=None, _plan=None):
        told = repr((int(pixels[0, 0, 0]), user, round(side.snr_db, 3)))
        seed = int.from_bytes(hashlib.sha256(told.encode()).digest()[:8])
        return (np.random.default_rng(seed).standard_normal((K, 2)) @ [1, 1j] / np.sqrt(2)).astype(np.complex64)

    def decode_float(self, features, user, _side, height, width, _sharing=None):
        side = side_information(LAST, 2)
        known = [bright for own in BRIGHT for bright in own]
        sent = [self.encode(np.full((4, 4, 3), bright, np.uint8), user, side) for bright in known]
        best = known[int(np.argmax([np.abs(np.vdot(one, features)) for one in sent]))]
        return np.full((3, height, width), best / 255, np.float32)

    def decode_all(self, features, user, sides, height, width, sharing=None):
        self.together.append((user, len(features)))
        pairs = zip(features, sides, strict=True)
        return [self.decode_float(one, user, side, height, width, sharing) for one, side in pairs]


@pytest.fixture(scope="module")
def scene():
    config = load_config(None, OPTIONS)
    rng, grid = np.random.default_rng(1), ResourceGrid(config.waveform, 20 * PICTURES)
    length = START + grid.burst_length(PICTURES * K) + 900
    noise_power = AMPLITUDE**2 * 10 ** (-SNR_DB / 10)
    total, slot = (
        noise(rng, length, noise_power),
        Slot(Grant(4, FRAME, TICK, LAST, pictures=PICTURES), Start(length, START)),
    )
    for user, gain in enumerate(GAINS):
        pixels = np.stack([picture(user, place) for place in range(PICTURES)])
        symbols = np.concatenate([Codec().encode(one, user, side_information(LAST, 2)) for one in pixels])
        protected = [bytes([65 + user, 48 + place]) for place in range(PICTURES)]
        header = FrameHeader(FRAME, user, "image", 4, 4, symbols.size, user, 20, PICTURES)
        burst = AMPLITUDE * gain * BurstTransmitter(config.waveform, user).modulate(symbols, header, protected)
        total[0] += propagate(burst, length, delay=0.5 + user, phase=0.0, start=START)
        slot.sent[user] = Sent(
            4, FRAME, user, picture=user, image_id=f"{user}-0.png", height=4, width=4, n_symbols=symbols.size,
            csi_slot=3, bits_symbols=20, protected=protected[0], events={"caption_cut": 2},
            behind=[SentItem(user + 2 * place, f"{user}-{place}.png", 4, 4, protected[place]) for place in (1, 2)],
        )  # fmt: skip
        slot.originals[user], slot.symbols[user] = pixels, symbols
        slot.links[user] = Link(user, TICK + START, 0.0, 0.0, 0.5 + user, [0.0], [[(gain, 0.0)]], noise_power)
    slot.samples = Samples(total.astype(np.complex64), TICK, config.sample_rate_hz)
    slot.received = BurstReceiver(config.waveform).receive(slot.samples, TICK + START)
    slot.csi, slot.encoder_csi, slot.events = LAST, LAST, {"overflow": 7}
    return slot


def decoded(slot, tmp_path, done=(), **options):
    config, codec = load_config(None, OPTIONS | options), Codec()
    writer = ResultWriter(tmp_path, resume=True)
    for frame, user in done:
        writer.append(ResultRow(frame=frame, user=user, decoded=True, reason=None))
    canceller = Canceller(config, codec) if config.cancel else None
    decoder = FrameDecoder(config, codec, None, writer, canceller)
    count = decoder.decode(dataclasses.replace(slot, events=dict(slot.events)))
    writer.close()
    rows = read_rows(tmp_path)[len(done) :]
    return sorted(rows, key=lambda row: (row.frame, row.user)), codec, count


def test_every_picture_of_a_burst_is_a_row_of_its_own(scene, tmp_path):
    rows, codec, count = decoded(scene, tmp_path)
    assert [(row.frame, row.user) for row in rows] == [(FRAME + place, user) for place in range(3) for user in range(2)]
    assert count == 6 and all(row.psnr_db == row.ideal_psnr_db == 100 for row in rows)
    assert codec.together == [(0, 3), (1, 3), (0, 3), (1, 3)]  # also by the ideal receiver
    for row in rows:
        place = row.frame - FRAME
        assert (row.image_id, row.picture) == (f"{row.user}-{place}.png", row.user + 2 * place)
        assert (row.channel_uses, row.height, row.burst_pictures, row.bits_delivered) == (K, 4, 3, True)
        # Three pictures of 600 uses, 184 of them in a symbol, and 60 symbols of bits.
        assert row.overhead == pytest.approx(2 * (64 + 2048 + 8 * 288) / (2 * (64 + 2048 + 8 * 288) + 70 * 288))
        first = place == 0
        assert row.events == ({"caption_cut": 2} | ({"overflow": 7} if row.user == 0 else {}) if first else {})
        assert (tmp_path / row.received_image).is_file()
    assert [path.name for path in (tmp_path / "diagnostics").iterdir()] == [f"frame_{FRAME:06d}.npz"]


def test_all_pictures_of_the_stronger_user_are_cancelled_for_the_weaker_one(scene, tmp_path):
    rows, _, count = decoded(scene, tmp_path, cancel=True)
    assert count == 6 and all(row.psnr_db == row.ideal_psnr_db == 100 for row in rows)
    assert [row.cancelled_users for row in rows] == [[], [0]] * 3
    plain, _, _ = decoded(scene, tmp_path / "plain")
    for alone, beside in zip(rows[1::2], plain[1::2], strict=True):
        assert alone.separated_sinr_db > beside.separated_sinr_db + 6


def test_what_is_recorded_is_left_alone_and_the_rest_of_the_burst_recorded(scene, tmp_path):
    rows, _, count = decoded(scene, tmp_path / "a", done=[(FRAME, 0), (FRAME + 2, 0), (FRAME, 1)])
    assert [(row.frame - FRAME, row.user) for row in rows] == [(1, 0), (1, 1), (2, 1)] and count == 3
    assert all(row.psnr_db == row.ideal_psnr_db == 100 for row in rows)
    rows, _, _ = decoded(scene, tmp_path / "b", done=[(FRAME, 0)], cancel=True)  # its pictures are needed to cancel it
    assert [row.cancelled_users for row in rows if row.user == 1] == [[0]] * 3 and len(rows) == 5


def test_a_lost_burst_loses_all_of_its_pictures_each_with_the_reason(scene, tmp_path):
    lost = dataclasses.replace(scene, received=None)
    rows, _, count = decoded(lost, tmp_path)
    assert count == 0 and len(rows) == 6 and {row.reason for row in rows} == {"not detected"}
    assert all(row.delivered_psnr_db is not None for row in rows)
    other = dataclasses.replace(scene, grant=Grant(4, FRAME, TICK, LAST, pictures=2), sent={}, originals={}, symbols={})
    rows, _, _ = decoded(other, tmp_path / "other")
    assert len(rows) == 4 and all("3 pictures instead of 2" in row.reason for row in rows)
    one = dataclasses.replace(other, grant=Grant(4, FRAME, TICK, LAST))
    rows, _, _ = decoded(one, tmp_path / "one")
    assert len(rows) == 2 and all("tells of 3 pictures" in row.reason for row in rows)


def test_a_burst_that_could_not_be_sent_is_held_back_with_all_its_pictures(scene, tmp_path):
    late = {0: scene.sent[0], 1: msgspec.structs.replace(scene.sent[1], events={"late": 1})}
    writer = ResultWriter(tmp_path, resume=False)
    decoder = FrameDecoder(load_config(None, OPTIONS), Codec(), None, writer)
    absent = dataclasses.replace(scene, sent=late, received=None, events={})
    held = HeldBack()
    assert [held.take(frame) for frame in decoder.make_all(absent)] == [[1]] * 3
    writer.close()
    kept = [(row.frame, row.user, row.reason) for row, _ in held.release()]
    assert kept == [(FRAME + place, 1, "it came too late to be sent") for place in range(3)]


def test_a_recording_gives_the_burst_back(scene, tmp_path):
    config = load_config(None, OPTIONS)
    recorder = SessionRecorder(tmp_path / "a", config)
    recorder.record(scene)
    recorder.close()
    (slot,) = recorded_slots(SigmfReader(tmp_path / "a.sigmf-meta"))
    assert slot.grant == scene.grant and slot.sent == scene.sent and slot.told_headers() == scene.told_headers()
    for user in range(2):
        np.testing.assert_array_equal(slot.originals[user], scene.originals[user])
        np.testing.assert_array_equal(slot.symbols[user], scene.symbols[user])
    slot.received = scene.received
    both = [pictures_of(one, ResourceGrid(config.waveform)) for one in (slot, scene)]
    for place, (own, was) in enumerate(zip(*both, strict=True)):
        assert own.grant.frame == FRAME + place and own.sent == was.sent and own.told_headers() == was.told_headers()
        np.testing.assert_array_equal(own.originals[1], picture(1, place))
