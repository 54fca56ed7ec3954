"""Settings of a training: a file and flags, and all mistakes of both at once."""

import pytest

from hil.cli.options.training import training_settings
from models.errors import ModelError
from models.training.config import AdaptiveTraining


def test_all_mistakes_are_named_at_once(tmp_path):
    file = tmp_path / "t.yaml"
    file.write_text("minuts: 5\nseed: -1\nwidth: wide\n")
    with pytest.raises(ModelError) as caught:
        training_settings(AdaptiveTraining, {"config": file, "steps": -3, "out": None})
    head, *lines = str(caught.value).splitlines()
    assert head == f"{file} and the command line: {len(lines)} faults:"
    for words in ("out is missing", "seed is -1: ", "minuts is not an option (did you mean minutes?)", "steps is -3: "):
        assert sum(words in line for line in lines) == 1, (words, lines)


def test_one_mistake_is_one_sentence(tmp_path):
    with pytest.raises(ModelError) as caught:
        training_settings(AdaptiveTraining, {"config": None, "out": tmp_path / "x", "images": ("demo",), "seed": -1})
    assert str(caught.value).startswith("the command line: seed is -1: ") and "\n" not in str(caught.value)
