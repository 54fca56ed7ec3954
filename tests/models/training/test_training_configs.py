"""The configurations that come with the package are valid, and name networks that can be built."""

from pathlib import Path

import pytest
import torch
import yaml
from click.testing import CliRunner

from hil.cli.codecs.train import command
from hil.errors import UsageError
from models.errors import ModelError
from models.training.adaptive.loop import fresh_adaptive
from models.training.codec.loop import fresh_codec
from models.training.codec.two_stage import teacher_network
from models.training.config import AdaptiveTraining, CodecTraining
from models.training.stage_config import ConditionalGanTraining, StudentTraining, TeacherTraining

FOLDER = Path(__file__).parents[3] / "configs" / "training"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_it_is_valid(path):
    values = yaml.safe_load(path.read_text()) | {"images": ["x"], "out": "o"}
    if path.stem.startswith("student"):
        StudentTraining(**values, teacher="t")
        return
    if path.stem.startswith("conditional-gan"):
        ConditionalGanTraining(**values, codec="c")
        return
    if path.stem.startswith("compact"):
        with torch.device("meta"):
            assert len(fresh_codec(CodecTraining(**values)).decoders) == values["users"]
        return
    if path.stem in ("real-time", "real-time-light", "quality"):
        with torch.device("meta"):
            run = fresh_adaptive(AdaptiveTraining(**values))
        assert run.codec.foresight.levels[-1] == run.codec.arguments.complex_channels
        return
    with torch.device("meta"):
        teacher = teacher_network(TeacherTraining(**values))
    layers = len(teacher.decoders[0].layers())
    student = (
        yaml.safe_load((FOLDER / path.name.replace("teacher", "student")).read_text()) if "256" not in path.stem else {}
    )
    assert 1 <= student.get("cross_head_layer", 3) < layers


def test_the_256_teacher_is_the_papers_size():
    values = yaml.safe_load((FOLDER / "teacher-256.yaml").read_text())
    with torch.device("meta"):
        teacher = teacher_network(TeacherTraining(**values, images=["x"], out="o"))
    counts = [
        sum(p.numel() for n, p in part.named_parameters() if "embedding" not in n)
        for part in (teacher.encoder, teacher.decoders)
    ]
    assert counts[0] == pytest.approx(57e6, rel=0.015)
    assert counts[1] == pytest.approx(70e6, rel=0.015)
    assert teacher.arguments.channel_use_ratio == pytest.approx(1 / 48)


def test_a_configuration_is_found_by_name(tmp_path):
    arguments = ["teacher", "--out", str(tmp_path / "o"), "--images", str(tmp_path / "none")]
    for name, message in (("teacher-32", "does not exist"), ("teacher-33", "did you mean teacher-32")):
        result = CliRunner().invoke(command, [*arguments, "--config", name])
        assert isinstance(result.exception, (ModelError, UsageError))
        assert message in str(result.exception)
