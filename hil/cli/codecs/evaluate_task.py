"""`semnoma-hil evaluate-task`: naming pictures from their symbols, and from what is decoded of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from hil.cli.codecs.evaluate import CHANNELS
from hil.cli.options.answer import answer, json_option, write_rows
from hil.cli.options.ranges import NumberList


@click.command("evaluate-task")
@click.option("--images", required=True, help="Pictures with labels: an .npz, or CIFAR-10's archive (its test images).")
@click.option("--task", default="classes-cifar10", show_default=True, help="Packaged task, or its folder.")
@click.option(
    "--scheme", default="real-time", show_default=True, help="Codec that the task was learnt on, and how users share."
)
@click.option(
    "--classifier", "classifiers", multiple=True, help="Looks at decoded pictures; repeatable.  [classifier-32]"
)
@click.option("--channel", "mode", type=click.Choice(CHANNELS), default="awgn", show_default=True)
@click.option("--users", type=click.IntRange(1, 8), default=2, show_default=True)
@click.option("--antennas", type=click.IntRange(1, 4), default=1, show_default=True, help="Of the receiver.")
@click.option("--snr", "snrs_db", type=NumberList("db"), default="-5:20:5", show_default=True, help="Total SNR, dB.")
@click.option("--limit", type=click.IntRange(1), help="Only the first so many pictures.")
@click.option("--seed", type=click.IntRange(0), default=30_000, show_default=True, help="Of fading and noise.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="CSV with a line for each way and SNR.")
@json_option
def command(
    images: str, scheme: str, classifiers: tuple[str, ...], out: Path | None, as_json: bool, **options: Any
) -> None:
    """Accuracy over SNR of a task that reads symbols, beside classifiers of the pictures decoded from the same symbols.

    \b
    Examples:
      semnoma-hil evaluate-task --images cifar-10-binary.tar.gz --limit 512
      semnoma-hil evaluate-task --images labelled.npz --snr 0:20:5 --channel rayleigh --out accuracy.csv
    """
    from models.task.comparison import TaskRow, compare_ways

    judges = classifiers or ("classifier-32",)
    rows = list(compare_ways(scheme, images, classifiers=judges, **options))
    if out is not None:
        write_rows(rows, TaskRow, out)
    answer(as_json, [asdict(row) for row in rows], *map(_line, rows))


def _line(row: Any) -> str:
    snr = f"SNR {row.snr_db:g} dB" if row.snr_db is not None else "not sent"
    return f"{snr}, {row.way}: {100 * row.accuracy:.1f} % ({100 * row.low:.1f} to {100 * row.high:.1f}) of {row.images}"
