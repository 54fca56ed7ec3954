"""Recordings, read back by PyAV: every picture, at its time, also of a process that died."""

import subprocess
import sys

import numpy as np
import pytest

from hil.errors import UsageError
from hil.video import recording
from hil.video.recording import Recording
from hil.video.view import free_name
from tests.hil.video.clips import pictures, psnr_db, read


@pytest.mark.parametrize("size", [(64, 48), (33, 17)])
def test_what_is_written_is_read(tmp_path, size):
    made, at_s = pictures(25, *size), 700 + np.cumsum(np.linspace(0.01, 0.3, 25))
    film = Recording(tmp_path / "video" / "user0.mp4")
    for moment_s, pixels in zip(at_s, made, strict=True):
        film.write(moment_s, pixels)
    film.close()
    times_s, shown = read(tmp_path / "video" / "user0.mp4")
    assert np.allclose(times_s, at_s - at_s[0], atol=1e-4)
    assert shown.shape[1:3] == (size[1] + size[1] % 2, size[0] + size[0] % 2)  # colours stand for two pixels by two
    assert all(psnr_db(one[: size[1], : size[0]], other) > 30 for one, other in zip(shown, made, strict=True))


def test_sent_and_received_stand_side_by_side(tmp_path):
    received, sent = pictures(2, 32, 32), pictures(2, 32, 32)[::-1]
    film = Recording(tmp_path / "user0.mp4")
    for number in range(2):
        film.write(number, received[number], sent[number])
    film.close()
    _, shown = read(tmp_path / "user0.mp4")
    assert psnr_db(shown[0][:, :32], sent[0]) > 28 and psnr_db(shown[0][:, 32:], received[0]) > 28


def test_moments_that_go_back_lose_no_picture(tmp_path):
    film = Recording(tmp_path / "user0.mp4")
    for moment_s in (5.0, 5.1, 5.1, 4.0, 5.2):
        film.write(moment_s, pictures(1, 32, 32)[0])
    film.close()
    times_s, _ = read(tmp_path / "user0.mp4")
    assert len(times_s) == 5 and np.all(np.diff(times_s) > 0)


def test_a_process_that_dies_leaves_a_film(tmp_path):
    path = tmp_path / "user0.mp4"
    program = f"""
import os, numpy as np
from pathlib import Path
from hil.video.recording import Recording
film = Recording(Path({str(path)!r}))
for number in range(50):
    film.write(number / 10, np.full((32, 32, 3), 5 * number, np.uint8))
while film._pictures.unfinished_tasks and not film._pictures.empty():
    pass
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=120).returncode == 9
    times_s, shown = read(path)
    assert len(times_s) >= 50 - 2 * recording.FRAGMENT_PICTURES
    assert all(abs(int(one.mean()) - 5 * number) < 6 for number, one in enumerate(shown))


def test_a_codec_that_is_missing_is_replaced_or_named(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "CODECS", {"libnothing": {}, "mpeg4": {"qmin": "2", "qmax": "4"}})
    film = Recording(tmp_path / "user0.mp4")
    film.write(0.0, pictures(1, 32, 32)[0])
    film.close()
    assert len(read(tmp_path / "user0.mp4")[0]) == 1
    monkeypatch.setattr(recording, "CODECS", {"libnothing": {}, "libnever": {}})
    with pytest.raises(UsageError, match="can write neither libnothing nor libnever"):
        Recording(tmp_path / "user1.mp4")


def test_a_disk_that_is_full_ends_the_film_and_not_the_run(caplog):
    film = Recording(__import__("pathlib").Path("/dev/full"))
    for number in range(40):
        film.write(number, np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    film.close()
    assert "recorded no further" in caplog.text


def test_a_film_is_never_written_over(tmp_path):
    for name in ("user0.mp4", "user0-2.mp4", "user0-3.mp4"):
        assert free_name(tmp_path, 0) == tmp_path / name
        (tmp_path / name).touch()
