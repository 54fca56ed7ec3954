"""Settings that a training run left, when they are damaged or of another kind of training."""

import json

import pytest

from models.errors import ModelError
from models.training.config import AdaptiveTraining
from models.training.running import provenance
from models.training.running.provenance import AnySettings, settings_of


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "has_checkpoint", lambda folder: True)
    return tmp_path


def test_settings_come_back(run):
    settings = AdaptiveTraining(images=["a"], validation=["b"], out=run, steps=3)
    (run / provenance.SETTINGS_NAME).write_text(settings.model_dump_json())
    assert settings_of(run, AdaptiveTraining) == settings
    assert settings_of(run, AnySettings).model_dump()["steps"] == 3


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": NaN', "[" * 100_000, '"x"', "null"])
def test_a_damaged_file_is_one_sentence(run, text):
    (run / provenance.SETTINGS_NAME).write_text(text)
    for form in (AdaptiveTraining, AnySettings):
        with pytest.raises(ModelError, match="damaged") as caught:
            settings_of(run, form)
        assert "\n" not in str(caught.value)


def test_those_of_another_training_are_refused_with_all_that_does_not_fit(run):
    (run / provenance.SETTINGS_NAME).write_text(json.dumps({"images": ["a"], "out": "x", "seed": -1, "rank": 4}))
    with pytest.raises(ModelError) as caught:
        settings_of(run, AdaptiveTraining)
    said = str(caught.value)
    assert all(words in said for words in ("faults:", "seed is -1", "rank is not an option"))
