"""Every command answers with one JSON document on demand, and says what it wrote."""

import errno
import json
import os

import click
import pytest
from click.testing import CliRunner

from hil.cli.main import COMMANDS, cli, main


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


def ends_with(monkeypatch, error):
    def broken(**_options):
        raise error

    monkeypatch.setattr(cli, "main", broken)
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR])
def test_a_file_that_cannot_be_used_is_one_sentence(monkeypatch, capsys, number):
    assert ends_with(monkeypatch, OSError(number, os.strerror(number), "out/rows.csv")) == 2
    assert capsys.readouterr().err == f"error: out/rows.csv cannot be used: {os.strerror(number)}.\n"


def test_a_full_disk_is_the_runs_end_and_a_fault_of_ours_is_no_sentence(monkeypatch, capsys):
    assert ends_with(monkeypatch, OSError(errno.ENOSPC, "No space left on device", "rows.csv")) == 1
    assert "rows.csv could not be written: No space left" in capsys.readouterr().err
    with pytest.raises(OSError):
        ends_with(monkeypatch, OSError(errno.EBADF, "Bad file descriptor"))
