"""How a command says what it did and wrote: lines for people, or one JSON document for scripts."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click

from hil.errors import UsageError

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")


def answer(as_json: bool, facts: Any, *lines: str) -> None:
    """Print `facts` as one JSON document, paths as texts, or the lines."""
    if as_json:
        click.echo(json.dumps(facts, default=str))
        return
    for line in lines:
        click.echo(line)


def write_rows(rows: Sequence[Any], form: type, path: Path) -> None:
    """Write dataclasses of one form as CSV, with a line of their fields' names first, and say so. UsageError where the
    file cannot be written.
    """
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(form)], lineterminator="\n")
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
    wrote("rows", path)


def wrote(what: str, path: Path) -> None:
    """Say that a file was written beside the answer; on standard error, where it is in no document's way."""
    click.echo(f"{what}: {path}", err=True)
