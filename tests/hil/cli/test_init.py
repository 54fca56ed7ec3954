"""`init` writes a configuration that loads, says what every option is, and never overwrites unasked."""

import json

import pytest
import yaml
from click.testing import CliRunner

from hil.cli.main import cli
from hil.config import RunConfig, load_config
from hil.diagnosis.first_config import first_config
from hil.errors import UsageError

PLUTOS = [(f"pluto:ip:192.168.{n}.1", f"PlutoSDR\nof desk {n}") for n in (2, 3, 4)]


def loaded(text, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(text)
    return load_config(file)


def test_without_radios_it_is_the_default_run(tmp_path):
    assert loaded(first_config([]), tmp_path) == RunConfig()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_first_radio_receives_and_the_others_transmit(count, tmp_path):
    config = loaded(first_config(PLUTOS[:count]), tmp_path)
    assert config.radio.device == PLUTOS[0][0]
    assert list(config.radio.transmitters) == [uri for uri, _ in PLUTOS[1:count]]
    assert config.users == (count - 1 or 2)


def test_every_option_stands_there_and_a_comment_sign_less_sets_its_default(tmp_path):
    text = first_config([])
    body = text.partition("\n\n")[2]
    freed = []
    for line in body.splitlines():
        name = line.removeprefix("# ").partition(":")[0].strip()
        freed.append(line.removeprefix("# ") if name.isidentifier() else line)
    values = yaml.safe_load("\n".join(freed))
    assert set(values) >= set(RunConfig.model_fields) - {"waveform", "air"}
    assert set(values["bus"]) == set(RunConfig().bus.model_dump())
    assert load_config(None, values) == RunConfig()


def test_the_command_says_what_it_wrote_and_does_not_overwrite(tmp_path, monkeypatch):
    monkeypatch.setattr("radio.discovery.find_devices", lambda network=False: [])
    out = tmp_path / "lab.yaml"
    result = CliRunner().invoke(cli, ["init", "--out", str(out), "--json"], catch_exceptions=False)
    assert json.loads(result.stdout) == {"config": str(out), "devices": []}
    again = CliRunner().invoke(cli, ["init", "--out", str(out)])
    assert "--replace" in str(again.exception)


def test_a_file_that_cannot_be_written_is_a_sentence(monkeypatch):
    monkeypatch.setattr("radio.discovery.find_devices", lambda network=False: [])
    result = CliRunner().invoke(cli, ["init", "--out", "/proc/none.yaml"])
    assert isinstance(result.exception, UsageError) and "cannot be written" in str(result.exception)
