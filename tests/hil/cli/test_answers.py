"""Every command answers with one JSON document on demand, and says what it wrote."""

import json

import click
import pytest
from click.testing import CliRunner

from hil.cli.main import COMMANDS, cli


def leaves(words, command):
    """Every command that does something by itself."""
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from leaves([*words, name], command.get_command(context, name))


def test_every_command_has_json():
    lacking = [words for words, command in leaves([], cli) if all("--json" not in p.opts for p in command.params)]
    assert lacking == []


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["keys", "--out", "{}/keys"], {"folder", "made"}),
        (["models"], {"codecs", "refiners"}),
        (["calibrate", "--plan"], {"receiver", "transmitters", "plan"}),
        (["calibrate", "show", "--store", "{}"], {"folder", "calibrations"}),
        (["calibrate", "clear", "--store", "{}"], {"removed"}),
    ],
)
def test_the_answer_is_one_document(words, names, tmp_path):
    result = CliRunner().invoke(cli, [*(word.format(tmp_path) for word in words), "--json"], catch_exceptions=False)
    assert result.exit_code == 0 and names <= json.loads(result.stdout).keys()


def test_every_command_is_found_in_its_folder():
    for name in COMMANDS:
        assert cli.get_command(click.Context(cli), name).name == name
