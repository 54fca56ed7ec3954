"""The report is one file that opens anywhere, whatever the run left behind."""

import contextlib
import itertools
import re
import struct
import zlib

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hil.cli.runs.report import command
from hil.report import build_report
from hil.report.build import figure
from hil.report.charts import _at_least, _finish
from hil.report.pictures import difference, digital, picture
from hil.results.metrics import psnr_db
from hil.results.rows import ResultRow, ResultsError, read_rows
from hil.results.summary import summarise, write_summary
from hil.results.writer import ResultWriter

HOSTILE = '"><script>alert(1)</script>{{ 7*7 }}.png'


def row(frame, user, **values):
    return ResultRow(**{"frame": frame, "user": user, "decoded": True, "reason": None, **values})


def make_run(out, frames=2, side=16, diagnostics=True):
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    writer = ResultWriter(out, resume=False)
    for frame in range(frames):
        for user in range(2):
            recorded = row(
                frame, user, psnr_db=20.0 + user, ideal_psnr_db=21.5, ssim=0.5, cfo_hz=10.0, csi_age_s=0.1,
                image_id=HOSTILE, latency_ms={"decode": 3.0, HOSTILE: 1.0}, events={HOSTILE: 1},
            )  # fmt: skip
            writer.append(recorded, original=pixels, received=pixels)
        if diagnostics:
            response = np.full((2, 8), np.nan, np.complex64)
            response[0] = 1j
            writer.save_diagnostics(
                frame, constellation=np.full((2, 50), 1j, np.complex64), response=response,
                response_hz=np.arange(8), spectrum_db=np.full(8, -np.inf), spectrum_hz=np.arange(8),
            )  # fmt: skip
    writer.close()
    (out / "config.yaml").write_text(f"codec: '{HOSTILE}'\n")


def links(page):
    return re.findall(r'(?:src|href|srcset)\s*=\s*["\']([^"\']*)', page)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "<b>run"
    make_run(out)
    summary = summarise(read_rows(out), users=2, frames=2, snr_db=10.0, channel=HOSTILE, seed=1, version="9",
                        wall_s=1.0, refine=True, codec=HOSTILE)  # fmt: skip
    write_summary(out, summary)
    return build_report(out).read_text(encoding="utf-8")


def test_nothing_comes_from_outside(page):
    assert all(link.startswith(("data:", "#section")) for link in links(page))
    assert "http:" not in page and "https:" not in page and "url(" not in page


def test_hostile_names_are_text(page):
    assert "<script" not in page and "<b>run" not in page
    assert "&lt;script&gt;alert(1)" in page and "{{ 7*7 }}" in page


def test_captions_are_beside_their_pictures_as_text_and_marked_where_they_are_lost(tmp_path):
    evil = "<img src=x onerror=alert(1)> & “cat”"
    delivered = {
        "bits_delivered": True,
        "caption": evil,
        "caption_received": evil,
        "note": {"identity": evil, "<b>": "x"},
    }
    lost = {"bits_delivered": False, "caption": "a dog </p><script>", "caption_received": None}
    other = {"bits_delivered": False, "caption": "a dog", "caption_received": "a cat"}
    with contextlib.closing(ResultWriter(tmp_path, resume=False)) as writer:
        for frame, facts in enumerate((delivered, lost, other, {})):
            writer.append(row(frame, 0, **facts))
    page = build_report(tmp_path).read_text(encoding="utf-8")
    assert "<img src=x" not in page and "<script" not in page and "<b>:" not in page
    captions = re.findall(r'<p class="(caption[^"]*)" dir="auto">(.*?)</p>', page, re.DOTALL)
    assert [kind for kind, _ in captions] == ["caption", "caption bad", "caption bad"]
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; “cat”" in captions[0][1]
    assert "words lost" in captions[1][1] and "a dog &lt;/p&gt;&lt;script&gt;" in captions[1][1]
    assert captions[2][1].index("“a cat”") < captions[2][1].index("words lost") < captions[2][1].index("“a dog”")
    assert "2 / 3" in page  # lost bits


def test_pictures_plots_and_figures_are_there(page):
    pictures = re.findall(r"<img[^>]*>", page)
    assert all(re.search(r'alt="[^"]+"', picture) for picture in pictures)
    assert sum('class="small"' in picture for picture in pictures) == 12  # sent, received and their difference
    for title in ("User 0: constellation", "User 1: constellation", "User 0: channel", "Spectrum",
                  "Latency per stage", "Carrier offset", "Age of the channel", "Configuration"):  # fmt: skip
        assert title in page
    assert "User 1: channel" not in page  # not received: nothing to draw
    assert "20.50\u00a0dB" in page and "1.00\u00a0dB" in page
    assert "prefers-color-scheme: dark" in page and ">complete<" in page


def test_words_are_explained_once_asked_and_the_snr_is_not_repeated(page):
    assert page.count("SNR est") == 0 and ">SINR</abbr> (dB)" in page
    for word in ("PSNR", "SSIM", "Ideal", "CFO", "CSI age"):
        assert re.search(f'<abbr tabindex="0" title="[^"]{{20,}}">{word}</abbr>', page)


def test_a_difference_is_grey_where_the_picture_is_right():
    sent = np.full((4, 4, 3), 100, np.uint8)
    received = sent.copy()
    received[0, 0], received[1, 1] = (110, 100, 90), (255, 255, 255)
    seen = difference(sent, received)
    assert (seen[2:] == 128).all() and seen[0, 0].tolist() == [168, 128, 88] and seen[1, 1].tolist() == [255] * 3
    assert difference(sent, sent[:2]) is None


def test_a_digital_picture_takes_no_more_bits_than_its_link_and_gets_better_with_them():
    ramp = np.linspace(0, 255, 32 * 32 * 3).reshape(32, 32, 3).astype(np.uint8)
    worse, better = (digital(ramp, row(0, 0, channel_uses=512, snr_db_true=snr), 2) for snr in (0.0, 20.0))
    assert psnr_db(ramp, worse) < psnr_db(ramp, better)
    assert digital(ramp, row(0, 0), 2) is None


def test_an_axis_does_not_zoom_into_rounding_and_its_ticks_have_room():
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1_000_000], [50.0, 50.000001])
    _at_least(axes, 2.5)
    _finish(axes)
    FigureCanvasAgg(figure).draw()
    low, high = axes.get_ylim()
    assert high - low >= 2.5
    for axis in (axes.xaxis, axes.yaxis):
        boxes = [label.get_window_extent() for label in axis.get_ticklabels() if label.get_text()]
        assert not any(one.overlaps(other) for one, other in itertools.pairwise(boxes))


def test_a_lost_picture_says_why(tmp_path):
    writer = ResultWriter(tmp_path, resume=False)
    writer.append(row(0, 0, decoded=False, reason="not detected", events={"overflow": 2}))
    writer.close()
    page = build_report(tmp_path).read_text()
    assert "Lost pictures" in page and "overflow 2" in page and "No burst of this user" in page and "too slow" in page


def test_nothing_decoded_and_no_summary(tmp_path):
    writer = ResultWriter(tmp_path, resume=False)
    writer.append(row(0, 0, decoded=False, reason="<i>lost"), original=np.zeros((200, 300, 3), np.uint8))
    writer.close()
    page = build_report(tmp_path).read_text(encoding="utf-8")
    assert "Not decoded" in page and "&lt;i&gt;lost" in page and "0 / 1" in page


def test_nothing_recorded(tmp_path):
    ResultWriter(tmp_path, resume=False).close()
    (tmp_path / "summary.json").write_text("{torn")
    assert "No image has been recorded" in build_report(tmp_path).read_text(encoding="utf-8")


def test_many_frames_show_twelve(tmp_path):
    make_run(tmp_path, frames=14, diagnostics=False)
    page = build_report(tmp_path).read_text(encoding="utf-8")
    assert page.count("<article") == 24 and "The first 12 frames" in page


def test_files_outside_the_run_and_broken_ones_stay_out(tmp_path):
    out = tmp_path / "run"
    make_run(out, frames=1)
    secret = tmp_path / "secret.png"
    secret.write_bytes((out / "images" / "frame_000000_user0_original.png").read_bytes())
    text = (out / "results.jsonl").read_text()
    leading_out = text.replace("images/frame_000000_user0_original.png", "../secret.png")
    (out / "results.jsonl").write_text(leading_out)
    (out / "images" / "frame_000000_user1_received.png").write_bytes(b"\x89PNG torn")
    (out / "diagnostics" / "frame_000000.npz").write_bytes(b"PK torn")
    page = build_report(out).read_text(encoding="utf-8")
    assert page.count("not available here") == 2 and "On the air" not in page


@pytest.mark.parametrize("side", [12_000, 40_000])
def test_a_picture_too_large_to_show_is_left_out(tmp_path, side):
    """A few kilobytes that unpack to gigabytes; Pillow itself refuses the larger one with an error of its own."""
    make_run(tmp_path, frames=1)
    bomb = tmp_path / "images" / "frame_000000_user1_received.png"
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    bomb.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    assert picture(tmp_path, f"images/{bomb.name}") is None
    assert "not available here" in build_report(tmp_path).read_text(encoding="utf-8")


def test_no_run_is_an_error(tmp_path):
    with pytest.raises(ResultsError, match="no run"):
        build_report(tmp_path)


def test_the_command_names_the_file(tmp_path):
    make_run(tmp_path, frames=1, diagnostics=False)
    result = CliRunner().invoke(command, [str(tmp_path)])
    assert result.exit_code == 0 and str(tmp_path / "report.html") in result.output


def test_figures():
    assert (figure(None), figure(-1.25, 1), figure(3.0, 2, "dB")) == ("–", "−1.2", "3.00\u00a0dB")


def test_a_killed_run_is_shown_as_incomplete(tmp_path):
    make_run(tmp_path, frames=1, diagnostics=False)
    (tmp_path / "config.yaml").write_text("users: 2\nframes: 4\nchannel: tdl-a\n")
    page = build_report(tmp_path).read_text(encoding="utf-8")
    assert "incomplete" in page and "6 of 8 images" in page and "tdl-a" in page


def test_rows_newer_than_the_summary_count(tmp_path):
    make_run(tmp_path, frames=2, diagnostics=False)
    older = read_rows(tmp_path)[:1]
    summary = summarise(older, users=2, frames=2, snr_db=10.0, channel="awgn", seed=1, version="9",
                        wall_s=1.0, refine=False, codec="c")  # fmt: skip
    write_summary(tmp_path, summary)
    page = build_report(tmp_path).read_text(encoding="utf-8")
    assert "4 / 4" in page and "incomplete" not in page


@pytest.mark.parametrize("config", ["users: many\nframes: [1]\n", "{"])
def test_a_configuration_edited_by_hand_stops_no_report(tmp_path, config):
    make_run(tmp_path, frames=1, diagnostics=False)
    (tmp_path / "config.yaml").write_text(config)
    assert "2 / 2" in build_report(tmp_path).read_text(encoding="utf-8")


def test_the_loops_states_are_there(tmp_path):
    writer = ResultWriter(tmp_path, resume=False)
    for frame in range(2):
        writer.append(row(frame, 0, loops={"frequency": "locked", "timing": "holding"}))
        writer.append(row(frame, 1, loops={"frequency": "locked"}))
    writer.close()
    page = build_report(tmp_path).read_text()
    assert "Loops of user 0 at the end: frequency locked, timing holding." in page
    assert "Loops of user 1 at the end: frequency locked; all of them from frame 0 on." in page
