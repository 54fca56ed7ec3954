"""Every command of the documentation against the real command line, and the tutorial's really run."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib

import click
import pytest
import yaml

from hil.cli.main import cli
from hil.config import RunConfig
from hil.experiments.plan import Plan
from hil.lab.inventory import Inventory
from tests.docs.blocks import DOCS, ROOT, UNMARKED, blocks, commands, pages

EVERY = [block for page in pages() for block in blocks(page)]
SHELL = [block for block in EVERY if block.language in ("sh", "bash")]
PLACEHOLDERS = {"SNR": "10"}  # where a page stands a name for a number
OTHER_PROGRAMS = {"eval", "ffmpeg", "git", "head", "ls", "make", "pip", "python", "source"}
OTHER_PROGRAMS |= {"ssh", "ssh-copy-id", "sudo"}
# What a page installs goes into the test's folder, built by what is here: no index is asked.
PIP_OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_QUIET": "1"}


def named(block):
    return f"{block.page}:{block.line}"


@pytest.fixture(autouse=True)
def files_need_not_exist(monkeypatch):
    """Files that a command names are those of the reader."""
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, context: value)


def parse(words):
    """Parse `semnoma-hil ...` as the program would, without running it. Raises click's own errors."""
    command, context, rest = cli, None, list(words[1:])
    name = words[0]
    while True:
        try:
            context = command.make_context(name, rest, parent=context)
        except click.exceptions.Exit:  # --help and --version
            return
        if not isinstance(command, click.Group) or (context.invoked_subcommand is None and not _left(context)):
            return
        name, command, rest = command.resolve_command(context, _left(context))


def _left(context):
    return [*context._protected_args, *context.args]


def help_examples():
    """Example lines in the help texts of all commands."""
    reference = load_reference()
    for words, command in reference.commands():
        for line in re.sub(r"\\\n\s*", "", command.help or "").splitlines():
            found = re.match(r"\s+(semnoma-hil .*?)(?:\s{2,}\S.*)?$", line)
            if found:
                yield pytest.param(" ".join(words), found.group(1), id=found.group(1)[:60])


def load_reference():
    spec = importlib.util.spec_from_file_location("docs_reference", DOCS / "hooks" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("block", SHELL, ids=named)
def test_commands_parse(block):
    for words in commands(block.text):
        if words[0] == "semnoma-hil":
            parse([PLACEHOLDERS.get(word, word) for word in words])
        elif words[0] == "make":
            targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
            assert set(w for w in words[1:] if "=" not in w) <= set(targets)
        elif words[0] == "pip":
            extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
            asked = re.findall(r"\[(.*?)\]", " ".join(words))
            assert set(",".join(asked).split(",")) - {""} <= set(extras)
        elif "/" in words[0]:
            assert os.access(ROOT / words[0], os.X_OK), f"{named(block)}: {words[0]} is no program of this repository"
        else:
            assert words[0] in OTHER_PROGRAMS, f"{named(block)}: {words[0]} is not known to this test"


@pytest.mark.parametrize(("command", "line"), list(help_examples()))
def test_examples_in_help_texts_parse(command, line):
    [words] = commands(line)
    parse(words)


@pytest.mark.parametrize("words", ["semnoma-hil loopbac", "semnoma-hil loopback --snrr 3", "semnoma-hil replay",
                                   "semnoma-hil twin fit a b", "semnoma-hil phy-sweep --jobs none"])  # fmt: skip
def test_a_command_that_does_not_exist_would_be_noticed(words):
    with pytest.raises(click.UsageError):
        parse(words.split())


@pytest.mark.parametrize("block", [block for block in EVERY if block.language == "yaml"], ids=named)
def test_yaml_blocks_are_configurations_plans_or_inventories(block):
    content = yaml.safe_load(block.text)
    kind = Plan if "grid" in content else Inventory if "hosts" in content else RunConfig
    kind.model_validate(content)


@pytest.mark.parametrize("page", [page for page in pages() if page not in UNMARKED])
def test_every_block_of_commands_says_whether_it_is_run(page):
    for block in blocks(page):
        if block.language == "sh":
            assert block.mark, f"{named(block)} has no comment above it; see docs/reference/checked-commands.md"


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """A folder with `semnoma-hil` as this checkout has it, and a home with two pictures."""
    home = tmp_path_factory.mktemp("home")
    (home / "bin").mkdir()
    for name, started in (("semnoma-hil", "-m hil"), ("pip", "-m pip"), ("python", "")):
        script = home / "bin" / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {started} "$@"\n')
        script.chmod(0o755)
    (home / "photos").mkdir()
    for name in ("cat.png", "coffee.png"):
        shutil.copy(ROOT / "models" / "demo_images" / name, home / "photos")
    return home


def quick(text):
    """The same commands with little to do."""
    text = re.sub(r"--frames \d+", "--frames 1", text)
    text = re.sub(r"(semnoma-hil loopback)(?!.*--frames)", r"\1 --frames 1", text)
    return re.sub(r"(semnoma-hil loopback)", r"\1 --set max_image_side_px=64", text)


def chosen(block):
    everything = os.environ.get("SEMNOMA_DOCS") == "all"
    return block.mark == "run" or (everything and block.mark == "run: slow")


@pytest.mark.parametrize("page", sorted({b.page for b in SHELL if b.mark.startswith("run")}))
def test_commands_run(page, programs, tmp_path):
    """The page's blocks in order in one folder; slow ones where SEMNOMA_DOCS=all."""
    wanted = [block for block in blocks(page) if block.language == "sh" and chosen(block)]
    if not wanted:
        pytest.skip("its commands are slow: make docs-commands runs them")
    for block in blocks(page):
        if block.mark.startswith("file: "):
            path = tmp_path / block.mark.removeprefix("file: ")
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text)
    environment = os.environ | {
        "PATH": f"{programs / 'bin'}:{os.environ['PATH']}",
        "HOME": str(programs),
        "PYTHONPATH": f"{ROOT}:{tmp_path / 'site'}",
        **PIP_OFFLINE,
        "PIP_TARGET": str(tmp_path / "site"),
        "OMP_NUM_THREADS": "1",
        "SEMNOMA_HIL_MODELS": str(tmp_path / "models"),
    }
    for block in wanted:
        done = subprocess.run(
            ["bash", "-eu", "-c", quick(block.text)],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=1500,
        )  # fmt: skip
        assert done.returncode == 0, (
            f"{named(block)}\n{quick(block.text)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )


@pytest.mark.parametrize("page", sorted({b.page for b in EVERY if b.language == "python" and b.mark == "run"}))
def test_python_blocks_run(page, capsys, tmp_path, monkeypatch):
    """A page's blocks make one program, and what it writes goes to a folder of its own."""
    monkeypatch.chdir(tmp_path)
    program = {"__name__": "a_page"}
    for block in blocks(page):
        if block.language == "python" and block.mark == "run":
            exec(compile("\n" * (block.line - 1) + block.text, page, "exec"), program)
    assert capsys.readouterr().out.strip()
