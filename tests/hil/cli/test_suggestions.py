"""A mistyped name ends with exit code 2 and the name that was probably meant."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from hil.cli.main import COMMANDS, cli
from hil.errors import UsageError
from hil.packaged import named_file, packaged_names
from models.errors import ModelError
from models.evaluation.schemes import open_scheme
from models.package.zoo import codec_folder


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["lopback"], "loopback"),
        (["phy_sweep"], "phy-sweep"),
        (["models", "ad"], "add"),
        (["calibrate", "shw"], "show"),
        (["loopback", "--imges", "x"], "--images"),
    ],
)
def test_a_wrong_command_or_option_is_answered_with_the_right_one(words, meant):
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 2 and "Did you mean" in result.output and f"'{meant}'" in result.output


@pytest.mark.parametrize("kind", ["", "plans", "training"])
def test_a_configuration_that_does_not_exist_lists_what_there_is(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = packaged_names(kind)
    with pytest.raises(UsageError) as caught:
        named_file(tmp_path / "nope", kind)
    assert names and all(name in str(caught.value) for name in names)
    with pytest.raises(UsageError, match=f"did you mean {names[0]}"):
        named_file(tmp_path / names[0][:-1], kind)


def test_schemes_and_codecs():
    with pytest.raises(ModelError, match="did you mean digital-jpeg"):
        open_scheme("digitl-jpeg", 2)
    with pytest.raises(ModelError, match="did you mean compact-2u"):
        open_scheme("compct-2u", 2)
    with pytest.raises(ModelError, match="did you mean compact-2u"):
        codec_folder("compact_2u")


def test_help_has_every_command_once_and_no_line_is_cut():
    text = CliRunner().invoke(cli, ["--help"]).output
    assert "...\n" not in text.partition("Options:")[2] and all(text.count(f"\n  {name} ") == 1 for name in COMMANDS)


def test_help_imports_no_command():
    code = "import sys; from hil.cli.main import cli\ntry: cli(['--help'])\nexcept SystemExit: pass\n"
    code += "assert not [m for m in sys.modules if m.startswith(('hil.cli.runs', 'torch', 'numpy'))]"
    assert subprocess.run([sys.executable, "-P", "-c", code], capture_output=True).returncode == 0
