"""How far a run is said to be."""

import pytest

from hil.config import load_config
from hil.live.progress import progress


def test_a_run_of_so_many_frames():
    shown = progress(load_config(None, {"users": 2, "frames": 100}), 25, 5.0)
    assert (shown["frames"], shown["frames_done"], shown["open_ended"]) == (100, 25, False)
    assert shown["images_per_s"] == pytest.approx(10) and shown["remaining_s"] == pytest.approx(15)
    assert progress(load_config(None, {"frames": 4}), 9, None)["frames_done"] == 4


def test_nobody_knows_when_a_video_is_over():
    shown = progress(load_config(None, {"frames": 100_000, "video.sources": ["a.mp4"]}), 25, 5.0)
    assert shown["open_ended"] and shown["remaining_s"] is None and shown["images_per_s"] == pytest.approx(10)
