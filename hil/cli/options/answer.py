"""How a command says what it did and wrote: lines for people, or one JSON document for scripts."""

import json
from pathlib import Path
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")


def answer(as_json: bool, facts: Any, *lines: str) -> None:
    """Print `facts` as one JSON document, paths as texts, or the lines."""
    if as_json:
        click.echo(json.dumps(facts, default=str))
        return
    for line in lines:
        click.echo(line)


def wrote(what: str, path: Path) -> None:
    """Say that a file was written beside the answer; on standard error, where it is in no document's way."""
    click.echo(f"{what}: {path}", err=True)
