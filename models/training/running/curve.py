"""The log of a training as a table and as a picture."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOG_NAME = "training.jsonl"
ROW = ("step", "elapsed_s", "images_seen", "figure", "learning_rate")
TABLE_NAME, PICTURE_NAME = "training.csv", "training.png"


def draw_curve(run: Path) -> None:
    """Write ``training.csv`` and ``training.png`` beside the log of a run folder; nothing where there is no log.

    The figure is what the training logs of itself (PSNR in dB for codecs, a loss for refiners), over images seen.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    log = run / LOG_NAME
    if not log.exists():
        return
    rows = list(_whole_rows(log))
    if not rows:
        return
    with (run / TABLE_NAME).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ROW, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    images = [row["images_seen"] for row in rows]
    axes.plot(images, [row["figure"] for row in rows], linewidth=1)
    axes.set_xlabel("images seen")
    axes.set_ylabel("figure logged by the training")
    axes.grid(alpha=0.3)
    rate = axes.twinx()
    rate.plot(images, [row["learning_rate"] for row in rows], color="tab:orange", linewidth=1)
    rate.set_ylabel("learning rate", color="tab:orange")
    rate.set_ylim(bottom=0)
    figure.savefig(run / PICTURE_NAME, dpi=120)
    pyplot.close(figure)


def _whole_rows(log: Path) -> Iterator[dict[str, Any]]:
    """A killed process may have left half a line, which the next one's first line was written behind."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and row.keys() == set(ROW):
            yield row
