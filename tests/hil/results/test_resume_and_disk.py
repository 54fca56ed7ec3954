"""What an interrupted run has recorded: only whole frames count, and a line never names a picture that may be lost."""

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hil.results.resume import frames_to_send
from hil.results.rows import LINES, ResultRow, encode_row, read_rows
from hil.results.writer import ResultWriter


def row(frame, user):
    return ResultRow(frame=frame, user=user, decoded=True, reason=None)


@settings(max_examples=60)
@given(st.integers(1, 6), st.integers(1, 4), st.sets(st.tuples(st.integers(0, 7), st.integers(0, 5))))
def test_a_frame_is_done_when_all_of_its_users_are(tmp_path_factory, frames, users, recorded):
    out = tmp_path_factory.mktemp("run")
    (out / LINES).write_bytes(b"".join(encode_row(row(*key)) for key in recorded))
    wanted = {(frame, user) for frame in range(frames) for user in range(users)}
    lacking = {frame for frame, _ in wanted - recorded}
    assert frames_to_send(out, frames, users) == sorted(lacking)


def test_without_a_folder_everything_is_to_send(tmp_path):
    assert frames_to_send(None, 3, 2) == frames_to_send(tmp_path / "nothing", 3, 2) == [0, 1, 2]


@settings(max_examples=40)
@given(st.data())
def test_a_run_torn_anywhere_is_finished_without_a_line_twice(tmp_path_factory, data):
    """Frames of three users, each recorded as one; the file is cut at any byte and the run goes on."""
    out = tmp_path_factory.mktemp("run")
    whole = [(frame, user) for frame in range(3) for user in range(3)]
    lines = b"".join(encode_row(row(*key)) for key in whole)
    kept = lines[: data.draw(st.integers(0, len(lines)))]
    (out / LINES).write_bytes(kept)
    writer = ResultWriter(out, resume=True)
    for frame in frames_to_send(out, 3, 3):
        left = [(frame, user) for user in range(3) if (frame, user) not in writer.done]
        assert left
        writer.record([(row(*key), {}) for key in left])
    writer.close()
    assert [(one.frame, one.user) for one in read_rows(out)] == whole
    assert frames_to_send(out, 3, 3) == []


class Disk:
    """Keeps what would survive a power cut: a file as it was at its last fsync. `fails_at`: the call that dies."""

    def __init__(self, monkeypatch, fails_at=None):
        self.durable, self.calls, self.fails_at = {}, 0, fails_at
        self.on_line = lambda: None
        for name in ("write", "fsync", "replace"):
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name, call):
        def watched(*given):
            self.calls += 1
            if self.calls == self.fails_at:
                raise KeyboardInterrupt
            if name == "write" and os.readlink(f"/proc/self/fd/{given[0]}").endswith(LINES):
                self.on_line()
            result = call(*given)
            if name == "fsync":
                self.durable[os.fstat(given[0]).st_ino] = Path(f"/proc/self/fd/{given[0]}").read_bytes()
            return result

        return watched

    def content(self, path):
        """What of the file at this path is on the disk for good."""
        return self.durable.get(path.stat().st_ino, b"") if path.exists() else b""


def frame_of(number):
    pixels = np.random.default_rng(number).integers(0, 256, (2, 2, 9, 7, 3), np.uint8)
    rows = [(row(number, user), {"original": pixels[user, 0], "received": pixels[user, 1]}) for user in range(2)]
    return rows, (number, {"spectrum_db": np.arange(3.0)}), pixels


def test_pictures_and_diagnostics_are_on_the_disk_before_the_line_that_names_them(tmp_path, monkeypatch):
    writer, disk, looks = ResultWriter(tmp_path, resume=False), Disk(monkeypatch), []

    def look():
        pixels = frame_of(4)[2]
        for user in range(2):
            for place, kind in enumerate(("original", "received")):
                content = disk.content(tmp_path / f"images/frame_000004_user{user}_{kind}.png")
                np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(content))), pixels[user, place])
        with np.load(BytesIO(disk.content(tmp_path / "diagnostics/frame_000004.npz"))) as stored:
            assert stored["spectrum_db"].tolist() == [0, 1, 2]
        looks.append(1)

    disk.on_line = look
    rows, diagnostics, _ = frame_of(4)
    writer.record(rows, diagnostics)
    writer.close()
    assert looks == [1]
    assert disk.content(tmp_path / LINES).count(b"\n") == 2  # and the lines are, when record returns


@pytest.mark.parametrize("fails_at", range(1, 20))
def test_a_run_that_dies_at_any_call_keeps_lines_whose_pictures_are_there(tmp_path, monkeypatch, fails_at):
    writer = ResultWriter(tmp_path, resume=False)
    writer.record(*frame_of(0)[:2])
    with monkeypatch.context() as patch:
        disk = Disk(patch, fails_at)
        try:
            writer.record(*frame_of(1)[:2])
        except KeyboardInterrupt:
            assert disk.calls >= fails_at
    writer.close()
    for one in read_rows(tmp_path):
        pixels = frame_of(one.frame)[2][one.user]
        for place, name in enumerate((one.original_image, one.received_image)):
            np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / name)), pixels[place])
    again = ResultWriter(tmp_path, resume=True)
    assert frames_to_send(tmp_path, 2, 2) == sorted({0, 1} - {frame for frame, _ in again.done})
    again.close()
