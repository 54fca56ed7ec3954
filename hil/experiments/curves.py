"""What `evaluate --out` leaves behind: curves and pictures as CSV, the figure, and with what they were measured."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import hil
from hil.experiments.provenance import git_commit, machine
from hil.experiments.statistics import interval
from hil.results.durable import write_whole
from models.evaluation.compare import Row
from models.evaluation.plot import plot_rows

CURVES, PICTURES, FIGURE, CIRCUMSTANCES = "curves.csv", "pictures.csv", "psnr.svg", "measured.json"
CONVENTIONS = {
    "snr_db": "total received power of all users over noise power, per channel use",
    "channel_uses": "complex channel uses of a frame, in which every user sends one picture",
    "psnr_db": "of 8-bit RGB, peak 255, mean squared error over all pixels and channels; mean of dB over pictures",
    "psnr_ci95_db": "half width of the 95 % Student interval of that mean over pictures",
    "ssim": "Gaussian window 11 x 11, sigma 1.5, mean over colour channels",
}


def write_curves(rows: Sequence[Row], folder: Path, command: str) -> list[Path]:
    """Write the four files; returns their paths. command: as it was given, folders cut from its paths.

    Raises OSError when the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    curves = [_curve(row) for row in rows]
    pictures = [{"snr_db": row.snr_db, **asdict(picture)} for row in rows for picture in row.pictures]
    circumstances = {
        "command": command,
        "version": hil.__version__,
        "git_commit": git_commit(),
        "seed": rows[0].seed,
        "conventions": CONVENTIONS,
        **machine(),
    }
    write_whole(folder / CURVES, _csv(curves))
    write_whole(folder / PICTURES, _csv(pictures))
    write_whole(folder / CIRCUMSTANCES, (json.dumps(circumstances, indent=2) + "\n").encode())
    plot_rows(rows, folder / FIGURE)
    return [folder / name for name in (CURVES, PICTURES, FIGURE, CIRCUMSTANCES)]


def _curve(row: Row) -> dict[str, Any]:
    spread = interval(picture.psnr_db for picture in row.pictures)
    values = row.as_dict()
    place = list(values).index("psnr_db") + 1
    half = None if spread is None or spread.half is None else round(spread.half, 4)
    return dict([*list(values.items())[:place], ("psnr_ci95_db", half), *list(values.items())[place:]])


def _csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    lines = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()
