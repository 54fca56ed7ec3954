"""What every command of `semnoma-hil train` has: its options, and how a run ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from hil.cli.options.answer import answer, json_option
from hil.cli.options.ranges import Quantity


def common(function: Any) -> Any:
    """The options of every training."""
    options = [
        click.option(
            "--config",
            type=click.Path(dir_okay=False, path_type=Path),
            help="YAML of settings, or a name in configs/training; flags win over it.",
        ),
        click.option(
            "--images",
            multiple=True,
            metavar="PATH[=WEIGHT]",
            help="Pictures to train on: a folder, a CIFAR-10 archive, an .npz. Repeatable.",
        ),
        click.option("--validation", multiple=True, metavar="PATH", help="Pictures to measure on. Repeatable."),
        click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder of the run."),
        click.option("--minutes", type=Quantity("min"), help="Time to train."),
        click.option("--steps", type=int, help="Updates to train, instead of a time."),
        click.option(
            "--go-minutes", type=Quantity("min"), help="End this go after a time; --resume goes on with the run."
        ),
        click.option("--seed", type=int, help="Seed of every random draw."),
        click.option("--resume", is_flag=True, help="Continue the run in --out."),
        json_option,
    ]
    for option in reversed(options):
        function = option(function)
    return function


def first_process() -> bool:
    """Of the processes that torchrun starts only one writes results."""
    return int(os.environ.get("RANK", "0")) == 0


def exported(settings: Any, progress: Any, finish: Callable[[Path, Path], Any], as_json: bool) -> None:
    """Export what was trained and say what it is."""
    if not first_process() or not finished(settings, progress, as_json):
        return
    folder = settings.out / settings.name
    manifest = finish(settings.out, folder)
    seen = manifest.provenance.images_seen
    facts = {"folder": folder, "name": settings.name, "images_seen": seen, "metrics": manifest.metrics}
    answer(as_json, facts, f"{folder}: {seen} images seen, {manifest.metrics}")


def finished(settings: Any, progress: Any, as_json: bool) -> bool:
    """Whether the run is at its end; where only this go is, say how to go on."""
    if not progress.finished:
        sentence = f"{settings.out}: {progress.step} updates so far; the same command with --resume goes on."
        answer(as_json, {"folder": settings.out, "finished": False, "updates": progress.step}, sentence)
    return bool(progress.finished)
