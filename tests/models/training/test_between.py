"""Weights between two states of one training."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models.errors import ModelError
from models.training.adaptive.between import AVERAGED, between_runs
from models.training.adaptive.finish import finish_adaptive
from models.training.adaptive.loop import train_adaptive
from models.training.running.checkpoint import WEIGHTS_NAME
from tests.models.codecs.test_adaptive import settings


def test_the_averaged_weights_lie_between_and_all_else_is_the_later_runs(tmp_path: Path) -> None:
    for name, steps in (("before", 1), ("after", 4)):
        train_adaptive(settings(tmp_path / name, steps))
    between_runs(tmp_path / "before", tmp_path / "after", 0.25, tmp_path / "run")
    before, after, found = (load_file(tmp_path / name / WEIGHTS_NAME) for name in ("before", "after", "run"))
    moved = 0
    for name, value in found.items():
        expected = after[name]
        if name.startswith(AVERAGED) and value.is_floating_point():
            moved += not torch.equal(before[name], after[name])
            expected = 0.75 * before[name].float() + 0.25 * after[name].float()
        torch.testing.assert_close(value, expected.to(value.dtype))
    assert moved > 10
    assert finish_adaptive(tmp_path / "run", tmp_path / "codec").name == "tiny"
    with pytest.raises(ModelError, match="share is 2; it is from 0 to 1"):
        between_runs(tmp_path / "before", tmp_path / "after", 2.0, tmp_path / "run")
    with pytest.raises(ModelError, match="are not runs of one network"):
        between_runs(tmp_path / "nothing", tmp_path / "after", 0.5, tmp_path / "run")
