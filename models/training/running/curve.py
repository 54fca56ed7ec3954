"""The log of a training as a table and as a picture."""

from __future__ import annotations

import csv
import json
from pathlib import Path

LOG_NAME = "training.jsonl"
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
    # A killed process may have left a line that is not whole.
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    if not rows:
        return
    with (run / TABLE_NAME).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
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
