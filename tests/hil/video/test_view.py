"""What the receiver makes of a decoded video frame: shown, timed, recorded, and what is kept of it."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from hil.bus.clock import CoordinatorClock, machine
from hil.bus.messages import Capture, Grant, Sent, Start
from hil.config import load_config
from hil.decoding.frame_decoder import DecodedFrame, FrameDecoder
from hil.live.folder_source import FolderSource
from hil.live.state import LiveState
from hil.report.build import build_report
from hil.results.live import STAGES, LiveFacts
from hil.results.rows import ResultRow
from hil.results.run_folder import write_config
from hil.results.writer import ResultWriter
from hil.session.slot import Slot
from hil.video.view import LiveView
from tests.hil.video.clips import pictures, read


def capture(number, **changes):
    times = {"captured_s": 10 + number / 10, "ready_s": 10.01, "taken_s": 10.02, "encoded_s": 10.03}
    return Capture(number=number, position_s=number / 10, machine=machine(), **times, **changes)


def frame_of(number, captures, decoded=True):
    slot = Slot(Grant(number + 3, number, 0, None), Start(100, 10))
    slot.heard_s, slot.latency_ms["phy"] = 10.05, 5.0
    made = {}
    for user, told in captures.items():
        slot.sent[user] = Sent(number + 3, number, user, capture=told)
        seen = {"original": pictures(1, 32, 32)[0], "received": pictures(1, 32, 32)[0]}
        row = ResultRow(frame=number, user=user, decoded=decoded, reason=None if decoded else "faded")
        made[user] = row, seen if decoded else {"original": seen["original"]}
    return DecodedFrame(slot, made)


def view(tmp_path, shown=None, **settings):
    config = load_config(None, {f"video.{name}": value for name, value in settings.items()})
    told = [] if shown is None else shown
    return LiveView(config, tmp_path, CoordinatorClock(), lambda slot, seen: told.append((slot.grant.frame, set(seen))))


def test_live_pictures_are_shown_timed_and_recorded_and_others_left_alone(tmp_path):
    shown = []
    made = view(tmp_path, shown)
    for number in range(3):
        frame = made.shown(frame_of(number, {0: capture(number), 1: None}))
        assert frame.made[0][0].live.number == number and frame.made[1][0].live is None
        assert set(frame.made[0][0].live.stages_ms) == set(STAGES)
    made.close()
    assert shown == [(0, {0}), (1, {0}), (2, {0})]
    times_s, _ = read(tmp_path / "video" / "user0.mp4")
    assert np.allclose(times_s, [0, 0.1, 0.2], atol=1e-3)
    assert [path.name for path in (tmp_path / "video").iterdir()] == ["user0.mp4"]


def test_a_lost_picture_has_no_age_and_a_repeated_one_is_recorded_once(tmp_path):
    made = view(tmp_path)
    made.shown(frame_of(0, {0: capture(0)}))
    lost = made.shown(frame_of(1, {0: capture(1, dropped=4)}, decoded=False)).made[0][0].live
    assert lost.total_ms is None and lost.stages_ms == {} and lost.dropped == 4
    assert made.shown(frame_of(2, {0: capture(0, repeated=True)})).made[0][0].live.repeated
    made.close()
    assert len(read(tmp_path / "video" / "user0.mp4")[0]) == 1


def test_nothing_is_recorded_where_that_is_off_or_cannot_be(tmp_path, monkeypatch, caplog):
    off = view(tmp_path, record="off")
    off.shown(frame_of(0, {0: capture(0)}))
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    without = view(tmp_path)
    for number in range(2):
        assert without.shown(frame_of(number, {0: capture(number)})).made[0][0].live is not None
    without.close()
    assert not (tmp_path / "video").exists() and caplog.text.count("no video is recorded") == 1


@pytest.fixture
def decoder(tmp_path):
    config = load_config(None, {"users": 1, "rx.ideal": False, "video.pictures_every": 3})
    with_codec = SimpleNamespace(sharing=None)
    writer = ResultWriter(tmp_path / "run", resume=False)
    yield FrameDecoder(config, with_codec, None, writer)
    writer.close()


def test_every_frame_has_its_row_and_every_so_many_their_pictures(decoder, tmp_path):
    live = view(tmp_path / "run")
    for number in range(7):
        decoder.record(live.shown(frame_of(number, {0: capture(number)})))
    live.close()
    out = tmp_path / "run"
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert [row["frame"] for row in rows] == list(range(7)) and all(row["psnr_db"] == 100 for row in rows)
    assert [row["frame"] for row in rows if row["original_image"]] == [0, 3, 6]
    assert len(list((out / "images").iterdir())) == 6 and len(list((out / "diagnostics").iterdir())) == 3


def test_a_frame_in_which_nobody_had_a_picture_leaves_nothing(decoder, tmp_path):
    slot = Slot(Grant(3, 0, 0, None), Start(100, 10))
    slot.sent[0] = Sent(3, None, 0, ended="it is over")
    made = decoder.make(slot)
    assert made.made == {} and decoder.record(made) == 0
    assert (tmp_path / "run" / "results.jsonl").read_text() == ""
    assert not list((tmp_path / "run" / "diagnostics").iterdir())


@pytest.fixture
def folder(tmp_path):
    """A run of 30 frames of video of one user, the 20th lost, of which every tenth frame is kept."""
    write_config(tmp_path, load_config(None, {"users": 1, "frames": 100_000, "video.sources": ["a.mp4"]}))
    writer = ResultWriter(tmp_path, resume=False)
    for n in range(30):
        stages = dict.fromkeys(STAGES, 10.0 + n / 10)
        live = LiveFacts(number=2 * n, position_s=n / 5, shown_s=n / 5, dropped=1, stages_ms=stages, total_ms=70.0 + n,
                         clock_uncertainty_ms=1.5)  # fmt: skip
        row = ResultRow(frame=n, user=0, decoded=n != 20, reason=None if n != 20 else "faded", psnr_db=20.0 + n,
                        live=live)  # fmt: skip
        kept = pictures(1, 32, 32)[0] if n % 10 == 0 else None
        writer.append(row, kept, kept)
    writer.close()
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / "user0.mp4").touch()
    return tmp_path


def test_the_report_tells_ages_drops_and_where_the_recordings_are(folder):
    page = build_report(folder).read_text()
    assert '<video controls muted preload="metadata" src="video/user0.mp4"' in page
    for text in ("From capture to display", "Age when shown", "known to within", "wait for slot", "29 / 30"):
        assert text in page
    assert "the run ended early" not in page and page.count('<article class="card shot">') == 3


def test_the_live_page_of_a_folder_shows_the_newest_picture_that_is_kept(folder):
    source = FolderSource(LiveState(), folder)
    source.close()
    source.poll()
    assert source._shown == {0: 20} and len(source._recorded) == 30
