"""YAML that PyYAML reads by raising something else than its own error, at every door that takes YAML of a person."""

import pytest
import yaml
from pydantic import BaseModel

from calibration.errors import CalibrationError
from calibration.store.yaml_file import read_form
from hil.bus import key_ring
from hil.bus.key_ring import WHO, KeyRing
from hil.bus.keys import create_keys
from hil.cli.options.configuration import parse_settings
from hil.config import load_config
from hil.errors import UsageError
from hil.experiments.plan import load_plan
from hil.lab.inventory import load_inventory
from hil.live.control import RunControl
from hil.live.feed import Feed
from hil.results.rows import ResultsError
from hil.results.writer import _same_run
from hil.yaml_text import yaml_values

NO_VALUES = {
    "a date of no calendar": "seed: 2020-13-45",
    "more digits than Python reads": "seed: " + "9" * 5000,
    "a tag that does not fit": "seed: !!bool x",
    "a tag of a date": "seed: !!timestamp x",
    "deeper than the stack": "seed: " + "[" * 5000,
}
doors = pytest.mark.parametrize("text", NO_VALUES.values(), ids=NO_VALUES.keys())


@doors
def test_one_error_for_all_of_it(text):
    with pytest.raises(yaml.YAMLError):
        yaml_values(text)


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "0b" + "1" * 20000])
def test_an_integer_that_python_does_not_write_is_refused(number, tmp_path):
    """It reads hexadecimal and binary digits without a limit, and raises where a sentence is to say the number."""
    path = tmp_path / "given.yaml"
    path.write_text(f"users: {number}")
    with pytest.raises(UsageError, match=r"given\.yaml is not valid YAML"):
        load_config(path, {})


def test_values_are_what_they_are():
    assert yaml_values("a: [1, 2.5, x, 0x1f]") == {"a": [1, 2.5, "x", 31]} and yaml_values("") is None


@doors
def test_files_that_a_person_gives_are_refused_in_a_sentence(text, tmp_path):
    path = tmp_path / "given.yaml"
    path.write_text(text)
    for read in (lambda: load_config(path, {}), lambda: load_plan(path), lambda: load_inventory(path)):
        with pytest.raises(UsageError, match=r"given\.yaml is not valid YAML"):
            read()
    with pytest.raises(CalibrationError, match=r"given\.yaml is not valid YAML"):
        read_form(path, BaseModel, "calibration file")
    with pytest.raises(ResultsError, match="cannot be resumed"):
        _same_run(path, {})


@doors
def test_values_of_the_command_line_and_of_the_page(text, tmp_path):
    value = text.removeprefix("seed: ")
    with pytest.raises(UsageError, match="is not a YAML value"):
        parse_settings((f"seed={value}",))
    with pytest.raises(UsageError, match="is not a YAML value"):
        RunControl(Feed(), tmp_path)._config({"air.clock_ppm": value})


@doors
def test_a_coordinator_that_runs_lives_on_when_such_a_file_says_who_may_what(text, tmp_path, monkeypatch):
    monkeypatch.setattr(key_ring, "LOOK_S", 0.0)
    create_keys(tmp_path, ["tx0"])
    ring = KeyRing(tmp_path)
    (tmp_path / WHO).write_text(text)
    assert ring.changed() and not ring._names
