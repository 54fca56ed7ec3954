"""Pictures of a coarse code, from the packaged encoder through noise to rows and summary; without a waveform."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hil.bus.messages import Grant, Sent, SharedBy, Start
from hil.config import load_config
from hil.decoding.frame_decoder import FrameDecoder
from hil.decoding.generating import Generator, equivalent_snr_db
from hil.decoding.judge import Judge
from hil.errors import UsageError
from hil.language.note import Note, pack
from hil.language.writer import NoteWriter
from hil.nodes.telemetry import picture_facts
from hil.report.build import build_report
from hil.results.meaning import task_figures
from hil.results.rows import read_rows
from hil.results.summary import summarise
from hil.results.writer import ResultWriter
from hil.session.sharing import sharing_of
from hil.session.slot import Slot
from models.decoding.decoder import SemanticDecoder
from models.images import Picture, open_images
from models.images.pixels import downsize
from models.package.manifest import load_manifest
from models.package.zoo import codec_folder
from models.refiner.start_step import error_rms
from models.runtime.encoder import SemanticEncoder
from models.sharing import Sharing
from models.side_information import SideInformation
from radio.waveform.burst.header import FrameHeader
from radio.waveform.reception.frame import ReceivedFrame, ReceivedUser

NOTE = pack(Note("a cat on a table", "cat.png", {"label": "cat"}))
CHANNELS = 6


class Painter:
    """Stands for a refiner that takes text: paints all it is told of one brightness, and notes what it was told."""

    takes_text = True
    manifest = SimpleNamespace(name="painter")

    def __init__(self) -> None:
        self.told: list[tuple[float, str | None]] = []

    def refine(
        self, image: np.ndarray, snr_db: float, passes: int | None = None, text: str | None = None
    ) -> np.ndarray:
        self.told.append((snr_db, text))
        return np.full_like(image, 0.25)


class Classifier:
    """Stands for one that sees a cat in what is dark on average, and a ship elsewhere."""

    names, side_px = ["ship", "cat"], 48

    def classify(self, pictures: np.ndarray) -> np.ndarray:
        return (pictures.mean(axis=(1, 2, 3)) < 100).astype(int)


@pytest.fixture(scope="module")
def decoder() -> SemanticDecoder:
    return SemanticDecoder.load(codec_folder(), "cpu")


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    source = open_images("demo")
    return [np.ascontiguousarray(downsize(source[index].pixels, 64)[:48, :48]) for index in range(2)]


def received(config: Any, pictures: list[np.ndarray], grant: Grant, noise: float = 0.05, note: bytes = NOTE) -> Slot:
    """A slot of two users as their receiver has it, each with the note but user 1's, which is lost."""
    encoder, sharing = SemanticEncoder.load(codec_folder()), sharing_of(grant, config)
    side = SideInformation(10.0, np.ones(2), np.zeros(2))
    rng = np.random.default_rng(1)
    made, users = Slot(grant, Start(1000, 10)), []
    for user, picture in enumerate(pictures):
        symbols = encoder.encode(picture, user, side, sharing)
        seen = (symbols + noise * rng.standard_normal((symbols.size, 2)) @ [1, 1j]).astype(np.complex64)
        height, width = picture.shape[:2]
        header = FrameHeader(0, user, "image", height, width, symbols.size, 0, 2)
        users.append(
            ReceivedUser(user, True, header=header, header_read=True, power=1.0, snr_db=10.0, features=seen,
                         protected=note if user == 0 else None)
        )  # fmt: skip
        made.sent[user] = Sent(0, 0, user, height=height, width=width, n_symbols=symbols.size, bits_symbols=2,
                               protected=note)  # fmt: skip
        made.originals[user], made.symbols[user] = picture, symbols
    made.received = ReceivedFrame(0, tuple(users), 0.1, 10.0)
    return made


def rows_of(
    tmp_path: Any, decoder: SemanticDecoder, pictures: list[np.ndarray], why: str, note: bytes = NOTE, **options: Any
) -> list[Any]:
    config = load_config(None, {"semantic.mode": "auto", "semantic.channels": CHANNELS})
    grant = Grant(0, 0, 0, None, sharing=SharedBy("parted", "as configured", generated=why))
    frames = FrameDecoder(config, decoder, None, ResultWriter(tmp_path, resume=True), **options)
    frames.decode(received(config, pictures, grant, note=note))
    return read_rows(tmp_path)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", None),
        ("\0\n\u202e", None),
        ("a dog", "a dog"),
        ("قطة على طاولة", "قطة على طاولة"),
        ("猫" * 5_000, "猫" * 19 + "…"),
        ("x" * 10_000, "x" * 58 + "…"),
    ],
)
def test_whatever_is_said_of_a_picture_is_what_it_is_generated_from(tmp_path, decoder, pictures, said, told):
    """Through the writer that makes it fit into 64 bytes, and into words that are clean."""
    painter, captioner = Painter(), SimpleNamespace(describe=lambda picture, index: said)
    note, _ = NoteWriter(captioner, 64).write(Picture("", pictures[0], pictures[0].shape[:2]), 0)
    rows = rows_of(
        tmp_path, decoder, pictures, "low", note=note, generator=Generator(decoder.manifest, painter, 2),
        judge=Judge(classifier=Classifier()),
    )  # fmt: skip
    assert painter.told[0][1] == told and rows[0].decoded
    assert (rows[0].caption_received or None) == told


def test_a_generated_picture_is_marked_judged_and_in_no_mean(tmp_path, decoder, pictures):
    painter = Painter()
    generator = Generator(decoder.manifest, painter, 2)
    rows = rows_of(
        tmp_path, decoder, pictures, "the SNR is low", generator=generator, judge=Judge(classifier=Classifier())
    )
    assert [row.generated for row in rows] == ["the SNR is low"] * 2 and all(row.decoded for row in rows)
    assert [text for _, text in painter.told] == ["a cat on a table", None]  # what was lost is not made use of
    assert "words" in rows[0].generated_from and "words" not in rows[1].generated_from
    for row, picture in zip(rows, pictures, strict=True):
        mean_square = np.mean((picture.astype(float) - 64) ** 2)
        assert row.generated_psnr_db == pytest.approx(10 * np.log10(255**2 / mean_square), abs=0.01)
        assert (row.psnr_db, row.ssim, row.score, row.delivered_psnr_db, row.ideal_psnr_db) == (None,) * 5
        assert (row.class_sent, row.class_received) == ("cat", "cat")
    summary = summarise(rows, users=2, frames=1, snr_db=0.0, channel="awgn", seed=1, version="", wall_s=1.0,
                        refine=False, codec="real-time")  # fmt: skip
    assert summary["psnr_db"] is None and summary["delivered_psnr_db"] is None
    made = summary["generated"]
    assert (made["sent"], made["generated"], made["class_agreement"], made["classes_known"]) == (2, 2, 1.0, 2)
    assert picture_facts(rows[0]).score.startswith("generated")


def test_a_picture_of_another_class_does_not_agree(tmp_path, decoder, pictures):
    """The label that was sent says cat; what was made of it is bright, in which the classifier sees a ship."""
    painter = Painter()
    painter.refine = lambda image, snr_db, passes=None, text=None: np.full_like(image, 0.9)
    generator, judge = Generator(decoder.manifest, painter, 2), Judge(classifier=Classifier())
    rows = rows_of(tmp_path, decoder, pictures, "low", generator=generator, judge=judge)
    assert {(row.class_sent, row.class_received) for row in rows} == {("cat", "ship")}
    assert "meant cat" in picture_facts(rows[0]).score


def test_the_same_slot_whole_has_a_psnr_and_nothing_generated(tmp_path, decoder, pictures):
    rows = rows_of(tmp_path, decoder, pictures, "", generator=Generator(decoder.manifest, Painter(), 2))
    assert [row.generated for row in rows] == [None, None]
    assert all(row.psnr_db > 18 and row.delivered_psnr_db == row.psnr_db for row in rows)


def test_labels_read_from_symbols_stand_in_rows_summary_and_report(tmp_path, decoder, pictures):
    """The note says cat; the task says cat to user 0 and ship to user 1."""
    task = SimpleNamespace(name=lambda features, user, *_rest: (("cat", "ship")[user], 0.75))
    generator, judge = Generator(decoder.manifest, Painter(), 2), Judge(classifier=Classifier())
    rows = rows_of(tmp_path, decoder, pictures, "the SNR is low", generator=generator, judge=judge, task=task)
    assert [(row.label, row.label_confidence, row.label_sent) for row in rows] == [
        ("cat", 0.75, "cat"), ("ship", 0.75, "cat"),
    ]  # fmt: skip
    figures = task_figures(rows)
    assert figures == {"labelled": 2, "checked": 2, "accuracy": 0.5, "confidence": 0.75}
    page = build_report(tmp_path).read_text()
    assert "50.0\u00a0% of 2 are right" in page and "the SNR is low" in page
    assert page.count('<b class="badge made">generated</b>') == 2


def test_a_coarse_code_takes_its_share_of_the_symbols(decoder, pictures):
    config = load_config(None, {"semantic.mode": "auto", "semantic.channels": CHANNELS})
    coarse, whole = (
        received(config, pictures, Grant(0, 0, 0, None, sharing=SharedBy("parted", "", generated=why)))
        for why in ("low", "")
    )
    assert coarse.symbols[0].size == 36 * CHANNELS and whole.symbols[0].size == 36 * 32


def test_a_coarse_picture_with_the_symbols_of_a_whole_one_is_not_decoded(tmp_path, decoder, pictures):
    """What the header says must fit what was granted."""
    config = load_config(None, {"semantic.mode": "auto", "semantic.channels": CHANNELS})
    slot = received(config, pictures, Grant(0, 0, 0, None, sharing=SharedBy("parted", "")))
    slot.grant = Grant(0, 0, 0, None, sharing=SharedBy("parted", "", generated="low"))
    writer = ResultWriter(tmp_path, resume=True)
    FrameDecoder(config, decoder, None, writer, generator=Generator(decoder.manifest, Painter(), 2)).decode(slot)
    rows = read_rows(tmp_path)
    assert not any(row.decoded for row in rows) and "are needed for this picture" in rows[0].reason
    assert all(row.generated and row.delivered_psnr_db is None for row in rows)


@pytest.mark.parametrize("snr_db", [-9.0, 0.0, 12.5, 29.0])
def test_refiners_are_told_the_snr_of_the_error_that_is_there(snr_db):
    psnr_db = 20 * np.log10(2 / error_rms(snr_db))
    assert equivalent_snr_db(psnr_db) == pytest.approx(snr_db)


def test_refiners_of_text_are_told_the_sinr_of_half_a_code(decoder, pictures):
    """Of half the channels the very SINR that they have; of fewer a lower one."""
    painter, channels = Painter(), decoder.all_channels
    generator = Generator(decoder.manifest, painter, 1)
    side = SideInformation(5.0, np.ones(1), np.zeros(1), np.full(1, 5.0), np.zeros(1))
    for count in (channels // 2, channels // 8, channels // 16):
        generator.picture(np.zeros((3, 8, 8), np.float32), 0, side, Sharing(0.0, count), "words")
    (half, _), (eighth, _), (sixteenth, _) = painter.told
    assert half == pytest.approx(5.0, abs=0.05) and half > eighth > sixteenth


def test_a_codec_with_one_number_of_symbols_has_no_coarse_code():
    with pytest.raises(UsageError, match="one fixed number"):
        Generator(load_manifest(codec_folder("compact-2u")), Painter(), 2)
