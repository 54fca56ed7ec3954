"""What can be sent as video, against videos whose pictures are known; and what cannot, in a sentence each."""

import os
import threading

import numpy as np
import pytest
from PIL import Image

from hil.errors import UsageError
from hil.video import sources
from hil.video.shot import SourceBroken
from hil.video.sources import check_source, check_sources, open_source
from hil.video_config import VideoConfig
from tests.hil.video.clips import av, pictures, psnr_db, write, write_sound

VIDEO = VideoConfig()


def shots_of(path, video=VIDEO):
    source = open_source(video, str(path))
    try:
        return list(source.shots())
    finally:
        source.close()


def test_every_picture_comes_once_in_order_at_its_time(tmp_path):
    made = pictures(12)
    shots = shots_of(write(tmp_path / "a.mp4", made))
    assert [shot.number for shot in shots] == list(range(12))
    assert np.allclose([shot.position_s for shot in shots], np.arange(12) / 10)
    assert all(psnr_db(shot.pixels, pixels) > 38 for shot, pixels in zip(shots, made, strict=True))


@pytest.mark.parametrize("form", ["mkv", "avi", "webm"])
def test_containers(tmp_path, form):
    codec = {"mkv": "libx264", "avi": "mpeg4", "webm": "libvpx"}[form]
    shots = shots_of(write(tmp_path / f"a.{form}", pictures(5), codec=codec, pix_fmt="yuv420p"))
    assert len(shots) == 5 and np.allclose([shot.position_s for shot in shots], np.arange(5) / 10, atol=2e-3)


def test_a_rate_that_varies_is_kept(tmp_path):
    times_s = [0.0, 0.04, 0.5, 0.54, 1.7]
    shots = shots_of(write(tmp_path / "a.mkv", pictures(5), times_s=times_s))
    assert np.allclose([shot.position_s for shot in shots], times_s, atol=2e-3)


@pytest.mark.parametrize("size", [(64, 48), (65, 49), (33, 8), (9, 41)])
def test_one_picture_of_any_size(tmp_path, size):
    made = pictures(1, *size)
    (shot,) = shots_of(write(tmp_path / "a.mkv", made, codec="ffv1", pix_fmt="bgr0"))
    assert np.array_equal(shot.pixels, made[0])


@pytest.mark.parametrize(("rotation", "turns"), [(0, 0), (90, 1), (180, 2), (-90, 3)])
def test_a_turned_video_is_upright(tmp_path, rotation, turns):
    """As a phone writes it; numpy turns counter-clockwise too."""
    made = pictures(2)
    shots = shots_of(write(tmp_path / "a.mp4", made, rotation=rotation))
    assert psnr_db(shots[0].pixels, np.rot90(made[0], turns)) > 38


def test_grey(tmp_path):
    made = pictures(2)[..., 1]
    shots = shots_of(write(tmp_path / "a.mkv", made, codec="ffv1", pix_fmt="gray"))
    assert np.array_equal(shots[1].pixels, np.repeat(made[1][..., None], 3, axis=2))


def test_what_is_transparent_is_white(tmp_path):
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[:16, :, :] = (200, 30, 40, 255)
    pixels[16:, :, 3] = 0
    (shot,) = shots_of(write(tmp_path / "a.mov", [pixels], codec="qtrle", pix_fmt="argb"))
    assert np.all(shot.pixels[:16] == (200, 30, 40)) and np.all(shot.pixels[16:] == 255)


def test_pixels_that_are_not_square(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = 2
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pictures(1, 48, 48)[0], format="rgb24")))
        container.mux(stream.encode(None))
    (shot,) = shots_of(tmp_path / "a.mkv")
    assert shot.pixel_aspect == 2


def test_a_folder_of_frames(tmp_path):
    made = pictures(4)
    for number, pixels in enumerate(made):
        Image.fromarray(pixels).save(tmp_path / f"shot{number:03d}.png")
    shots = shots_of(tmp_path, VideoConfig(rate_fps=4))
    assert np.array_equal([shot.pixels for shot in shots], made)
    assert [shot.position_s for shot in shots] == [0, 0.25, 0.5, 0.75]


def test_raw_frames_through_a_pipe(tmp_path):
    made = pictures(6)
    pipe = tmp_path / "frames"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(made.tobytes()))
    writer.start()
    shots = shots_of(pipe, VideoConfig(raw="rgb24,64x48,20"))
    writer.join()
    assert np.array_equal([shot.pixels for shot in shots], made)
    assert np.allclose([shot.position_s for shot in shots], np.arange(6) / 20)


def test_a_file_that_is_cut_off_gives_what_it_has(tmp_path):
    whole = write(tmp_path / "a.mkv", pictures(40, 128, 96)).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    try:
        shots = shots_of(tmp_path / "cut.mkv")
    except SourceBroken:
        pytest.fail("what was there before the cut is a video")
    assert 5 < len(shots) < 40


def test_damage_in_the_middle_costs_pictures_and_no_more(tmp_path):
    whole = bytearray(write(tmp_path / "a.mkv", pictures(40, 128, 96), g="5").read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 400] = bytes(np.random.default_rng(1).integers(0, 256, 400, dtype=np.uint8))
    (tmp_path / "hit.mkv").write_bytes(whole)
    shots = shots_of(tmp_path / "hit.mkv")
    assert shots and np.all(np.diff([shot.position_s for shot in shots]) > 0)


def refusal(path, video=VIDEO):
    with pytest.raises(UsageError) as refused:
        check_source(video, str(path))
    text = str(refused.value)
    assert text.endswith(".") and text.count("\n") == 0 and "Traceback" not in text
    return text


def test_what_is_no_video(tmp_path):
    (tmp_path / "letter.mp4").write_text("Dear reader, this is no video. " * 100)
    assert "letter.mp4 is not a video" in refusal(tmp_path / "letter.mp4")
    (tmp_path / "nothing.mp4").touch()
    assert "nothing.mp4 is empty" in refusal(tmp_path / "nothing.mp4")
    assert "no video, only audio" in refusal(write_sound(tmp_path / "song.m4a"))
    (tmp_path / "frames.rgb").write_bytes(bytes(3 * 8 * 8))
    assert "say their form, as in --raw" in refusal(tmp_path / "frames.rgb")
    (tmp_path / "folder").mkdir()
    assert "holds no image" in refusal(tmp_path / "folder")
    whole = write(tmp_path / "clip.mp4", pictures(10)).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])  # an MP4's index is at its end
    assert "cut.mp4 is not a video, or a damaged one" in refusal(tmp_path / "cut.mp4")
    assert "did you mean clip.mp4?" in refusal(tmp_path / "clop.mp4")


def test_a_video_without_a_picture(tmp_path):
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        container.start_encoding()
    assert "a.avi" in refusal(tmp_path / "a.avi")


def test_cameras_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "DEVICES", tmp_path)
    assert "no camera /nowhere/video7: there is none on this machine" in refusal("camera:/nowhere/video7")
    for number in (10, 2):
        (tmp_path / f"video{number}").touch()
    assert f"there are {tmp_path}/video2, {tmp_path}/video10" in refusal("camera:/nowhere/video7")
    assert "is no camera but a file: give it as --video" in refusal(f"camera:{tmp_path}/video2")
    assert "cannot be opened as a camera" in refusal("camera:/dev/null")


def test_what_can_be_read_once_is_not_given_to_two_users(tmp_path):
    with pytest.raises(UsageError, match="standard input can be read by one user only"):
        check_sources(VideoConfig(sources=("-",)), users=2)
    path = str(write(tmp_path / "a.mp4", pictures(3)))
    check_sources(VideoConfig(sources=(path,)), users=2)


def test_without_the_library(monkeypatch, tmp_path):
    path = write(tmp_path / "a.mp4", pictures(2))
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    assert 'pip install "semnoma-hil[video]"' in refusal(path)
