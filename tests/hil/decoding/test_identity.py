"""A run is resumed with the codec, refiner and version that it was begun with, or a sentence says which differs."""

import pytest

from hil.config import load_config
from hil.decoding.identity import identity, keep_identity
from hil.results.rows import ResultsError


def test_a_codec_of_the_same_name_with_other_weights_does_not_resume(tmp_path):
    before = identity(load_config(None, {"refine": True}))
    assert any("codec real-time" in name for name in before) and any("refiner" in name for name in before)
    keep_identity(tmp_path, before, resumed=False)
    keep_identity(tmp_path, before, resumed=True)
    keep_identity(tmp_path, {"codec other": "1"}, resumed=False)  # nothing recorded yet
    keep_identity(tmp_path, before, resumed=False)
    other = before | {"codec real-time": "0123"}
    with pytest.raises(ResultsError, match=r"another codec real-time \(was \w+, is 0123\)"):
        keep_identity(tmp_path, other, resumed=True)


def test_a_run_that_is_killed_as_it_writes_its_identity_can_be_resumed(tmp_path, monkeypatch):
    keep_identity(tmp_path, {"codec a": "1"}, resumed=False)

    def killed(_file):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        keep_identity(tmp_path, {"codec a": "1"}, resumed=True)
    monkeypatch.undo()
    keep_identity(tmp_path, {"codec a": "1"}, resumed=True)
    with pytest.raises(ResultsError, match="another codec a"):
        keep_identity(tmp_path, {"codec a": "2"}, resumed=True)
