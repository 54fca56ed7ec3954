"""--video, --camera and their kin: what they become, and what cannot be, in a sentence."""

import pytest
import yaml
from click.testing import CliRunner

from hil.cli.main import cli
from hil.cli.options.configuration import config_from
from hil.config import load_config
from hil.errors import UsageError
from hil.supervise import loopback
from tests.hil.video.clips import pictures, write

NOTHING = {"config_path": None, "settings": ()}


def refusal(*arguments):
    done = CliRunner().invoke(cli, ["loopback", *map(str, arguments)])
    assert isinstance(done.exception, UsageError), done
    return str(done.exception)


def test_what_cannot_be_sent_is_one_sentence(tmp_path):
    out = ("--out", tmp_path / "run")
    clip = write(tmp_path / "a.mp4", pictures(3))
    assert "nothing.mp4 does not exist" in refusal("--video", tmp_path / "nothing.mp4", *out)
    assert "no camera /nowhere/video0" in refusal("--camera", "/nowhere/video0", *out)
    assert "names 3 sources for 2 users" in refusal("--video", "a", "--video", "b", "--camera", "c", *out)
    assert "did you mean drop?" in refusal("--video", clip, "--late", "dorp", *out)
    assert "did you mean crop?" in refusal("--video", clip, "--fit", "corp", *out)
    assert "must be at least 8x8" in refusal("--video", clip, "--size", "4x4", *out)
    assert "video.rate_fps" in refusal("--video", clip, "--fps", "0", *out)
    assert "video.raw" in refusal("--video", clip, "--raw", "rgb24", *out)
    assert "standard input can be read by one user only" in refusal("--video", "-", *out)
    assert "--resume" in refusal("--video", clip, "--resume", *out)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("given", "frames", "ideal"),
    [((), 100_000, False), (("--frames", "9"), 9, False), (("--set", "rx.ideal=true"), 100_000, True)],
)
def test_a_video_runs_to_its_end_where_nothing_else_is_said(tmp_path, monkeypatch, given, frames, ideal):
    chosen = []
    monkeypatch.setattr(loopback, "run_loopback", lambda config, *_, **__: chosen.append(config) or {})
    CliRunner().invoke(cli, ["loopback", "--video", "a.mp4", "--json", *given])
    assert (chosen[0].frames, chosen[0].rx.ideal) == (frames, ideal)
    assert chosen[0].video.sources == ("a.mp4",)


def test_a_files_word_counts_before_the_defaults(tmp_path):
    (tmp_path / "run.yaml").write_text(yaml.safe_dump({"frames": 5, "rx": {"mirrored": True}}))
    config = load_config(tmp_path / "run.yaml", {}, {"frames": 7, "rx.ideal": False})
    assert (config.frames, config.rx.ideal, config.rx.mirrored) == (5, False, True)


def test_videos_and_cameras_become_sources():
    config = config_from(**NOTHING, videos=("a.mp4",), cameras=("/dev/video0",), video_size="64x48", video_late="queue")
    assert config.video.sources == ("a.mp4", "camera:/dev/video0")
    assert (config.video.width, config.video.height, config.video.late) == (64, 48, "queue")


def test_nodes_need_not_agree_on_who_sends_which_video():
    assert load_config(None, {"video.sources": ["a.mp4"]}).digest() == load_config().digest()
