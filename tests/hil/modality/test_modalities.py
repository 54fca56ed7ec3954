"""Users who send something else than pictures: alone, and beside pictures in one slot."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from hil.bus.messages import CsiReport, Grant, Sent, Start, UserCsi
from hil.bus.wire import Received
from hil.config import load_config
from hil.decoding.frame_decoder import FrameDecoder
from hil.errors import UsageError
from hil.modality.choice import open_modalities
from hil.nodes.transmitter import TransmitterNode, longest_burst
from hil.report.build import build_report
from hil.results.rows import read_rows
from hil.results.session_recording import _add_user, _as_text
from hil.results.writer import ResultWriter
from hil.session.channel_report import csi_report
from hil.session.feedback import side_information
from hil.session.sharing import told, way_of
from hil.session.slot import Slot, header_of, original_of
from models.errors import ModelError
from models.modality.base import Item, Modality, Shown
from models.modality.shared import SharedModality
from models.sharing import Sharing
from models.side_information import SideInformation
from radio.device import RadioSettings
from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter
from tests.hil.modality.sensors import install, sensors
from tests.hil.session.test_csi_timing import GUARD, SLOT_SAMPLES, Radio
from tests.radio.waveform.propagation import noise, propagate

START, K = 600, 900
RNG = np.random.default_rng(4)
READINGS = (RNG.standard_normal((150, 3)) * 7).astype(np.float32)


@pytest.fixture
def room(tmp_path):
    path = tmp_path / "room.csv"
    np.savetxt(path, READINGS, delimiter=",")
    return str(path)


def side(users, sinr_db):
    ones = np.ones(users, np.float32)
    return SideInformation(20.0, ones, 0 * ones, sinr_db * ones, 0 * ones)


@pytest.mark.parametrize("form", ["parted", "superposed", "02/1", "0.5"])
@pytest.mark.parametrize("user", [0, 2])
def test_the_error_of_uncoded_readings_is_that_of_the_linear_estimate(form, user, room):
    """1 / (1 + s) of the readings' power, however users share, whatever the receiver's view is scaled by."""
    sharing, users, channels = Sharing.named(form), 3, 24
    shared = SharedModality(sensors()(), sharing, users, channels)
    items = [item for item in shared.load(room) if len(item.values) == 64] * 40
    sinr_db, scores = 7.0, []
    for item in items:
        sent = shared.encode(item, user, side(users, sinr_db))
        assert sent.shape == (shared.channel_uses(*item.size),) and np.mean(np.abs(sent) ** 2) == pytest.approx(1, 1e-4)
        power = np.resize(sharing.powers(users, channels)[user], sent.size)
        white = (RNG.standard_normal((sent.size, 2)) @ [1, 1j]) / np.sqrt(2)
        heard = 0.3 * (sent + np.sqrt(power * 10 ** (-sinr_db / 10)) * white)
        got = shared.decode(heard.astype(np.complex64), user, side(users, sinr_db), *item.size)
        scores.append(np.sum((got - item.values) ** 2) / np.sum(item.values**2))
    assert 1 / np.mean(scores) == pytest.approx(1 + 10 ** (sinr_db / 10), rel=0.05)


class Pictures:
    """A picture codec with one fixed way whose decoder shows the features' error."""

    sharing = None
    all_channels = 8

    def channel_uses(self, height, width, _sharing=None):
        return K

    def decode_float(self, features, user, side, height, width, _sharing=None):
        self.features = features
        return np.full((3, height, width), 0.5, np.float32)


@pytest.fixture
def both(monkeypatch, room):
    """A slot of two antennas: user 0 sends a picture, user 1 readings of another length."""
    install(monkeypatch, sensors=sensors())
    config = load_config(
        None,
        {
            "users": 2,
            "codec": "compact-2u",
            "rx_antennas": 2,
            "snr_db": 25,
            "modalities": ["picture", "sensors"],
            "sources": ["", room],
        },
    )
    modalities = open_modalities(config)
    item = modalities[1].load(room)[0]
    picture = np.full((8, 8, 3), 128, np.uint8)
    symbols = [np.exp(2j * np.pi * RNG.random(K)).astype(np.complex64), modalities[1].encode(item, 1, side(2, 20.0))]
    headers = [
        FrameHeader(0, 0, "image", 8, 8, K, 3),
        FrameHeader(0, 1, "content", *item.size, symbols[1].size, 4),
    ]
    length = START + ResourceGrid(config.waveform).burst_length(K) + 900
    total = np.stack([noise(RNG, length, 10**-2.5)[0] for _ in range(2)])
    for user, gains in enumerate(([1.0, 0.6j], [0.7, -0.9j])):
        burst = BurstTransmitter(config.waveform, user).modulate(symbols[user], headers[user])
        total += np.array(gains)[:, None] * propagate(burst, length, delay=0.4 * user, phase=0.5, start=START)
    slot = Slot(Grant(2, 0, 1000, None), Start(length, START))
    slot.samples = Samples(total.astype(np.complex64), 1000, config.sample_rate_hz)
    slot.received = BurstReceiver(config.waveform).receive(slot.samples, 1000 + START)
    slot.csi = csi_report(slot.received, slot.grant, 0, 1000 + START, config.waveform)
    for user, (values, form) in enumerate(((picture, []), (item.values, list(item.values.shape)))):
        slot.sent[user] = Sent(2, 0, user, image_id="it", height=headers[user].height, width=headers[user].width,
                               n_symbols=symbols[user].size, picture=headers[user].picture, form=form)  # fmt: skip
        slot.originals[user], slot.symbols[user] = values, symbols[user]
    return config, modalities, slot


def test_two_modalities_in_one_slot_are_each_decoded_scored_and_shown(both, tmp_path):
    config, modalities, slot = both
    writer = ResultWriter(tmp_path / "run", resume=False)
    network = Pictures()
    decoder = FrameDecoder(config, network, None, writer, modalities=modalities)
    assert decoder.powers(slot.grant) is None  # beside a codec with one fixed way everybody fills everything
    assert decoder.decode(slot) == 2
    writer.close()
    picture, readings = read_rows(tmp_path / "run")
    assert (picture.modality, picture.score_name, picture.score_unit) == ("picture", "PSNR", "dB")
    assert picture.score == picture.psnr_db == 100.0
    assert (readings.modality, readings.score_name, readings.score_unit) == ("sensors", "signal to error", "dB")
    assert readings.psnr_db is None and readings.ssim is None and readings.ideal_psnr_db is None
    # The two users are apart: 25 dB in all, 22 dB each, less what separating them costs; 10 log10(1 + s).
    assert 14 < readings.score < 27 and readings.delivered_score == readings.score
    with Image.open(tmp_path / "run" / readings.received_image) as shown:
        assert shown.size == (256, 120)
    page = build_report(tmp_path / "run").read_text()
    assert "sensors" in page and "signal to error" in page


def test_a_burst_of_another_modality_is_not_decoded(both, tmp_path):
    config, modalities, slot = both
    swapped = {0: modalities[1]}
    writer = ResultWriter(tmp_path / "run", resume=False)
    assert FrameDecoder(config, Pictures(), None, writer, modalities=swapped).decode(slot) == 0
    writer.close()
    rows = read_rows(tmp_path / "run")
    assert ["(image)" in rows[0].reason, "(content)" in rows[1].reason] == [True, True]


def test_what_is_lost_is_scored_as_silence(both, tmp_path):
    config, modalities, slot = both
    slot.received = None
    writer = ResultWriter(tmp_path / "run", resume=False)
    assert FrameDecoder(config, Pictures(), None, writer, modalities=modalities).decode(slot) == 0
    writer.close()
    row = read_rows(tmp_path / "run")[1]
    assert (row.score, row.delivered_score) == (None, pytest.approx(0.0)) and row.modality == "sensors"


def test_a_transmitter_tells_and_sends_an_item(monkeypatch, room):
    install(monkeypatch, sensors=sensors())
    config = load_config(None, {"users": 2, "modalities": ["sensors"], "sources": [room]})
    modality = open_modalities(config)[1]
    items, told_, radio = modality.load(room), [], Radio()
    waiting = [Received("coordinator", body) for body in (Start(SLOT_SAMPLES, GUARD), Grant(0, 0, 0, None))]
    monkeypatch.setattr("hil.nodes.transmitter.join", lambda *_: Start(SLOT_SAMPLES, GUARD))
    bus = SimpleNamespace(send=lambda body, parts=(): told_.append((body, parts)), now_tick=0,
                          receive=lambda _: waiting.pop(0))  # fmt: skip
    node = TransmitterNode(config, 1, bus, radio, modality, items, RadioSettings(4e6, 2.45e9))
    waiting.pop(0)
    node._serve(waiting.pop(0).body, Start(SLOT_SAMPLES, GUARD))
    [(sent, (values, symbols))] = told_
    assert sent.form == [64, 3] and sent.image_id == "room.csv:1" and header_of(sent).kind == "content"
    np.testing.assert_array_equal(original_of(sent, values), READINGS[64:128])
    assert original_of(sent, bytes(values)[:-4]) is None
    assert len(symbols) == 8 * sent.n_symbols == 8 * modality.channel_uses(*items[1].size)
    assert longest_burst(config, items, modality, 1) == ResourceGrid(config.waveform).burst_length(sent.n_symbols)
    entry = {"semnoma:sent": json.loads(__import__("msgspec").json.encode(sent)), "semnoma:link": None}
    entry |= {f"semnoma:{name}": text for name, text in _as_text(sent, READINGS[64:128]).items()}
    again = Slot(Grant(0, 0, 0, None), Start(SLOT_SAMPLES, GUARD))
    _add_user(again, entry)
    np.testing.assert_array_equal(again.originals[1], READINGS[64:128])


def test_users_who_send_no_pictures_part_the_symbols_as_configured(monkeypatch, room):
    install(monkeypatch, sensors=sensors())
    options = {"users": 4, "modalities": ["sensors"], "sources": [room]}
    config = load_config(None, options)
    decoder = FrameDecoder(config, Pictures(), None, None, modalities=open_modalities(config))
    powers = decoder.powers(Grant(0, 0, 0, None))
    assert powers.shape == (4, 32) and ((powers > 0).sum(axis=0) == 1).all()
    config = load_config(None, {**options, "sharing": "02/13"})
    powers = FrameDecoder(config, Pictures(), None, None, modalities=open_modalities(config)).powers(
        Grant(0, 0, 0, None)
    )
    assert powers.shape == (4, 16) and ((powers > 0).sum(axis=0) == 2).all()


def test_beside_pictures_of_a_fixed_codec_a_user_fills_every_use_and_is_told_so(monkeypatch, room):
    install(monkeypatch, sensors=sensors())
    config = load_config(
        None, {"users": 2, "codec": "compact-2u", "modalities": ["picture", "sensors"], "sources": ["", room]}
    )
    modality = open_modalities(config)[1]
    report = CsiReport(0, 0, 0, 0, 10.0, [UserCsi(user, 0, 0, 1.0, 0.0, 7.0) for user in range(2)])
    assert way_of(modality, config.codec_sharing).form == "superposed"
    assert told(modality, report, 2, config.codec_sharing).snr_db == side_information(report, 2).snr_db
    symbols = modality.encode(modality.load(room)[0], 1, side(2, 10.0))
    assert symbols.size == modality.modality.uses(64, 0)


class Silent(Modality):
    """Items of nothing, shown as text."""

    name, score_name, score_unit = "silent", "likeness", ""

    def load(self, source):
        return [Item("nothing", np.zeros(5, np.float32), 5, 0)] if source == "here" else []

    def uses(self, height, width):
        return 5

    def encode(self, item, sinr_db):
        return item.values.astype(np.complex64)

    def decode(self, symbols, height, width, sinr_db):
        return symbols.real

    def score(self, sent, received):
        return np.inf

    def show(self, values):
        return Shown(".txt", b"nothing <at all>")


def test_silence_is_sent_and_a_score_that_is_not_finite_is_unknown():
    shared = SharedModality(Silent(), Sharing(), 2, 16)
    item = shared.load("here")[0]
    symbols = shared.encode(item, 1, side(2, 3.0))
    assert np.mean(np.abs(symbols) ** 2) == pytest.approx(1.0)
    assert shared.score(item.values, item.values) is None
    with pytest.raises(ModelError, match="there holds nothing that silent could send"):
        shared.load("there")
    with pytest.raises(ModelError, match="nothing says where silent comes from"):
        shared.load("")
    with pytest.raises(ModelError, match="header carries 0 to 65535"):
        shared.encode(Item("big", item.values, 65536, 0), 1, side(2, 3.0))
    with pytest.raises(ModelError, match="needs 16 symbols, but 15"):
        shared.decode(symbols[:-1], 1, side(2, 3.0), 5, 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"modalities": ["picture", "picture", "picture"]}, "must name one for all users, or 2"),
        ({"modalities": ["picture", "sensors"], "cancel": True}, "cancel is of pictures"),
        ({"modalities": ["sensors"], "codec_channels": 4}, "all users send sensors"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(options, said):
    with pytest.raises(UsageError, match=said):
        load_config(None, {"users": 2, **options})


def test_a_modality_that_is_not_there_is_refused(monkeypatch):
    install(monkeypatch, sensors=sensors(), dead=dict)
    with pytest.raises(UsageError, match=r"'sensor' is no modality \(did you mean sensors\?\)"):
        open_modalities(load_config(None, {"modalities": ["sensor"]}))
    with pytest.raises(UsageError, match="does not derive from Modality"):
        open_modalities(load_config(None, {"modalities": ["dead"]}))
    assert open_modalities(load_config(None, {"modalities": ["picture"]})) == {}
