"""A run folder, growing or finished, becomes the same state; the terminal shows it; commands refuse in words."""

import errno
import io
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from hil.cli.main import cli
from hil.config import load_config
from hil.errors import UsageError
from hil.live.control import RunControl
from hil.live.feed import Feed
from hil.live.folder_source import FolderSource
from hil.live.state import Cursor, LiveState
from hil.live.terminal import TerminalView, show, sparkline
from hil.report import build_report
from hil.results.rows import LINES, FoundTone, ResultRow
from hil.results.run_folder import write_config
from hil.results.writer import ResultWriter


@pytest.fixture
def run(tmp_path):
    """A run folder of three frames of which two are recorded, and its writer."""
    config = load_config(None, {"users": 2, "frames": 3, "snr_db": 7.0})
    writer = ResultWriter(tmp_path, resume=False)
    write_config(tmp_path, config)
    for frame in range(2):
        record(writer, frame)
    yield tmp_path, writer
    writer.close()


def record(writer, frame):
    rng = np.random.default_rng(frame)
    for user in range(2):
        pixels = rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)
        row = ResultRow(frame=frame, user=user, decoded=user == 0, reason=None if user == 0 else "not detected")
        if user == 0:
            row.psnr_db, row.cfo_hz, row.channel_gain_db, row.user_snr_db = 20.0 + frame, -3.0, -12.0, 8.5
            row.precorrection_hz, row.csi_age_s, row.loops = 150.0, 0.004, {"frequency": "locked"}
        writer.append(row, original=pixels, received=pixels if user == 0 else None)
    points = np.ones((2, 40), np.complex64)
    points[1] = np.nan
    writer.save_diagnostics(
        frame, constellation=points, response=points, spectrum_db=np.linspace(-90, -20, 512), spectrum_hz=np.arange(512)
    )


def source_of(folder):
    state = LiveState()
    source = FolderSource(state, folder)
    source.close()
    return state, source


def test_rows_of_earlier_versions_are_shown(run):
    """Their lines know nothing of tones, Doppler and the prefix; one line of this version's is among them."""
    folder, writer = run
    lines = [json.loads(line) for line in (folder / LINES).read_text().splitlines()]
    for line in lines:
        del line["tones"], line["doppler_hz"], line["beyond_prefix"]
    (folder / LINES).write_text("".join(json.dumps(line) + "\n" for line in lines))
    tones, events = [FoundTone(250e3, -20.0)], {"interference": 1}
    writer.append(ResultRow(frame=2, user=0, decoded=True, reason=None, tones=tones, doppler_hz=3.0, events=events))
    state, source = source_of(folder)
    source.poll()
    update, _, _ = state.since(Cursor())
    assert update["run"]["recorded"] == 5
    assert [text for _, text in update["events"] if "interference" in text] == ["frame 2, user 0: 1 x interference"]
    page = build_report(folder).read_text()
    assert page.count("<td>250.00</td><td>−20.0</td><td>1</td>") == 1


def test_a_folder_is_shown_and_followed(run):
    folder, writer = run
    state, source = source_of(folder)
    source.poll()
    update, files, cursor = state.since(Cursor())
    assert update["run"]["state"] == "recorded" and update["run"]["frames_done"] == 2
    assert update["points"] == [(0, 0, 20.0), (0, 1, None), (1, 0, 21.0), (1, 1, None)]
    kinds = [(p["user"], p["kind"], p["frame"], p["type"]) for p in update["pictures"]]
    assert kinds[:2] == [(0, "original", 1, "image/jpeg"), (0, "received", 1, "image/jpeg")]
    assert kinds[3] == (1, "received", 1, None) and files[3] == b""
    assert update["users"][0]["constellation"][:2] == [1.0, 0.0] and update["users"][1]["constellation"] == []
    assert update["users"][0]["response_db"][0] == 0.0 and update["users"][1]["detected"] is False
    loops = update["users"][0]["loops"]
    assert (loops["cfo_hz"], loops["precorrection_hz"], loops["gain_db"], loops["csi_age_ms"]) == (
        -3.0,
        150.0,
        0.0,
        4.0,
    )
    assert loops["states"] == {"frequency": "locked"} and "cfo_hz" not in update["users"][1]["loops"]
    assert update["users"][0]["snr_db"] == 8.5
    assert len(update["spectra"]) == 1 and update["spectra"][0][0] == pytest.approx(-90, abs=0.1)
    record(writer, 2)
    source.poll()
    update, _, _ = state.since(cursor)
    assert update["run"]["state"] == "finished" and update["points"] == [(2, 0, 22.0), (2, 1, None)]


def test_a_torn_line_is_waited_for_and_a_broken_one_said(run):
    folder, _ = run
    state, source = source_of(folder)
    with (folder / "results.jsonl").open("ab") as file:
        file.write(b'{"frame": 2, "us')
    source.poll()
    assert len(state.since(Cursor())[0]["points"]) == 4
    with (folder / "results.jsonl").open("ab") as file:
        file.write(b"\n")
    with pytest.raises(Exception, match="is no result"):
        source.poll()


def test_pictures_that_are_none_are_not_shown(run):
    folder, _ = run
    (folder / "images/frame_000001_user0_original.png").write_bytes(b"\x89PNG but not one")
    state, source = source_of(folder)
    source.poll()
    assert state.since(Cursor())[0]["pictures"][0]["type"] is None


def test_a_folder_says_nothing_while_a_coordinator_is_heard(run):
    state = LiveState()
    state.source(True, "live")
    source = FolderSource(state, run[0])
    source.close()
    source.poll()
    state.folder_source("late word of a poll that began before")
    update = state.since(Cursor())[0]
    assert update["source"] == {"connected": True, "sentence": "live"}
    assert update["users"][0]["frame"] is None  # no caption before its picture
    assert len(update["points"]) == 4 and update["pictures"] == []  # history comes from the disk, the present does not


def test_an_empty_folder_waits(tmp_path):
    state, source = source_of(tmp_path / "none")
    source.poll()
    assert "holds no run yet" in state.since(Cursor())[0]["source"]["sentence"]


def test_the_terminal_shows_users_figures_and_events(run):
    state, source = source_of(run[0])
    source.poll()
    text = io.StringIO()
    Console(file=text, width=100).print(TerminalView(state).render())
    for wanted in ("recorded", "2 of 3 frames", "SNR 7 dB", "user 0", "21.00", "not decoded", "not detected"):
        assert wanted in text.getvalue(), wanted


def test_markup_from_outside_stays_text():
    state = LiveState()
    state.begin("run", load_config(None, {"users": 1}))
    state.event("[bold red]not markup[/] \x1b[31m")
    text = io.StringIO()
    Console(file=text, width=100).print(TerminalView(state).render())
    assert "[bold red]not markup[/]" in text.getvalue() and "\x1b" not in text.getvalue()


def test_sparklines_rise_with_their_values():
    assert sparkline([1.0, None, 2.0, 8.0]) == "▁ ▂█" and sparkline([]) == "" == sparkline([None])


def test_a_finished_run_ends_the_view(run):
    folder, writer = run
    record(writer, 2)
    feed = Feed()
    feed.follow(folder)
    try:
        show(feed.state, Console(file=io.StringIO()), until_ended=True)  # returns
    finally:
        feed.close()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["watch", "--run", "a", "--bus", "tcp://127.0.0.1:1"], "two sources"),
        (["watch", "--bus", "127.0.0.1"], "no address"),
        (["watch", "--bus", "tcp://192.0.2.1:5555"], "needs bus.keys"),
        (["dashboard", "--token", "short"], "at least 16"),
        (["dashboard", "--run", __file__], "is no folder"),
        (["dashboard", "--host", "192.0.2.1", "--port", "0", "--control"], "cannot be listened on"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, arguments)
    assert isinstance(result.exception, UsageError) and sentence in str(result.exception)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"users": 9}, "users is 9"),
        ({"images": "/etc"}, "cannot be set from the page"),
        ({"radio.device": "pluto:"}, "cannot be set from the page"),
        ({"bus.endpoint": "tcp://0.0.0.0:1"}, "cannot be set from the page"),
        ({"rx.record": "/tmp/x"}, "cannot be set from the page"),
        ({"guard.max_silence_s": 1e9}, "cannot be set from the page"),
        ({"codec": "../../tmp/evil"}, "codec takes a name"),
        ({"codec": "none-such"}, "none-such"),
        ({"air.seed": 5}, "set it once"),
        ({"air.clock_ppm": "[1"}, "is not a YAML value"),
        ({"air": "x"}, "cannot be set from the page"),
        ({"air.nothing": "1"}, "is not an option"),
    ],
)
def test_the_page_chooses_figures_and_nothing_else(settings, sentence, tmp_path):
    control = RunControl(Feed(), tmp_path / "runs")
    with pytest.raises(UsageError, match=sentence):
        control.start(settings)
    with pytest.raises(UsageError, match="No run is going on"):
        control.stop()
    with pytest.raises(UsageError, match="no run to go on with"):
        control.resume()
    assert not (tmp_path / "runs").exists()


def test_a_disk_that_is_full_and_a_folder_that_is_gone_are_sentences_on_the_page(tmp_path, monkeypatch):
    control = RunControl(Feed(), tmp_path / "runs")

    def full(*_arguments, **_named):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(UsageError, match="cannot be written: No space left"):
        patched.setattr(Path, "write_text", full)
        control.start({})
    with pytest.raises(UsageError, match="cannot be written: No such file"):
        control._launch(tmp_path / "gone", resume=True)
    control._wait(subprocess.Popen(["false"]), tmp_path / "gone")  # its log went with it
    assert control._feed.state.control["message"] == "ended with code 1"


def test_a_configured_lab_is_never_driven_from_the_page(tmp_path):
    """Real radios and their addresses in the operator's file give way to the simulated air."""
    path = tmp_path / "lab.yaml"
    radios = "radio: {device: 'pluto:usb:', transmitters: ['pluto:a', 'pluto:b']}"
    path.write_text(f"{radios}\nbus: {{endpoint: 'tcp://127.0.0.1:7'}}\nsnr_db: 3\n")
    config = RunControl(Feed(), tmp_path, path)._config({"air.clock_ppm": "20"})
    assert config.radio.device.startswith("sim:") and config.radio.transmitters == ()
    assert config.bus.endpoint != "tcp://127.0.0.1:7" and config.snr_db == 3 and config.air.clock_ppm == 20


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("absurd", [1e200, -1e200, 1.7e308, 4000.0])
def test_rows_of_absurd_numbers_end_no_view(run, absurd):
    folder, writer = run
    for user in range(2):
        row = ResultRow(frame=2, user=user, decoded=True, reason=None, cfo_hz=-3.0, channel_gain_db=-12.0)
        setattr(row, "channel_gain_db" if user else "user_snr_db", absurd)
        writer.append(row)
    points = np.ones((2, 40), np.complex64)
    writer.save_diagnostics(2, constellation=points, response=points)
    state, source = source_of(folder)
    source.poll()
    users = state.since(Cursor())[0]["users"]
    assert users[0]["loops"]["gain_db"] == 0.0 and "cfo_hz" not in users[1]["loops"]


@pytest.mark.parametrize("absurd", [1e200, -1e200, 1.7e308, 4000.0])
def test_rows_of_absurd_numbers_end_no_report(run, absurd):
    folder, writer = run
    pixels = np.zeros((24, 24, 3), np.uint8)
    names = ("snr_db_true", "snr_db_estimated", "user_snr_db", "cfo_hz", "psnr_db", "csi_age_s", "payload_sinr_db")
    for place, name in enumerate(names):
        row = ResultRow(frame=2 + place, user=0, decoded=True, reason=None, channel_uses=512, height=24, width=24)
        setattr(row, name, absurd)
        writer.append(row, original=pixels, received=pixels)
    page = build_report(folder).read_text()
    assert "</html>" in page and "Infinity" not in page
