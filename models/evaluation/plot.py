"""The figure of a comparison, one for each question that it answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.errors import ModelError
from models.evaluation.compare import Row
from models.evaluation.questions import PERCEPTUAL, Question, refiner_gains

SUFFIXES = (".png", ".svg", ".pdf")


def refuse_unwritable(path: Path) -> None:
    """ModelError unless a figure can be written to ``path``: said before hours of measuring, not after them."""
    if path.suffix.lower() not in SUFFIXES:
        raise ModelError(f"the figure {path} must end in one of {', '.join(SUFFIXES)}.")
    if not path.absolute().parent.is_dir():
        raise ModelError(f"the figure cannot be written to {path}: there is no folder {path.parent}.")


def plot_rows(rows: Sequence[Row], path: Path, question: Question = "scheme") -> None:
    """Write the figure of ``question`` as the picture ``path`` (.png, .svg or .pdf).

    scheme: PSNR over SNR; ablation: what it differs from the first scheme's; refiner: fall of the perceptual distance
    over network passes. ModelError when it cannot be written, or the rows cannot answer the question.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.6), layout="constrained")
    first = rows[0]
    try:
        _refiner_cost(axes, rows) if question == "refiner" else _over_snr(axes, rows, question == "ablation")
        axes.set_title(
            f"{first.users} users, {first.channel}, {first.channel_uses:g} channel uses an image, "
            f"{first.images} images",
            fontsize=10,
        )
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
        figure.savefig(path, dpi=130)
    except (OSError, ValueError) as error:
        raise ModelError(f"the figure cannot be written to {path}: {error}.") from error
    finally:
        pyplot.close(figure)


def _over_snr(axes: Any, rows: Sequence[Row], against_first: bool) -> None:
    reference = {row.snr_db: row.psnr_db for row in rows if row.scheme == rows[0].scheme}
    for scheme in dict.fromkeys(row.scheme for row in rows):
        own = [row for row in rows if row.scheme == scheme]
        digital = scheme.startswith("digital-")
        axes.plot(
            [row.snr_db for row in own],
            [row.psnr_db - (reference[row.snr_db] if against_first else 0) for row in own],
            marker="s" if digital else "o",
            markersize=4,
            linestyle="--" if digital else "-",
            label=scheme,
        )
    axes.set_xlabel("SNR, dB (power of all users over noise, per channel use)")
    axes.set_ylabel(f"PSNR above that of {rows[0].scheme}, dB" if against_first else "PSNR, dB")


def _refiner_cost(axes: Any, rows: Sequence[Row]) -> None:
    gains = refiner_gains(rows)
    for scheme in dict.fromkeys(gain.scheme for gain in gains):
        own = [gain for gain in gains if gain.scheme == scheme]
        axes.plot([gain.passes for gain in own], [100 * gain.perceptual_share for gain in own], "o", label=scheme)
        for gain in own:
            note = f" {gain.snr_db:g} dB, {-gain.loss_db:+.2f} dB PSNR"
            axes.annotate(note, (gain.passes, 100 * gain.perceptual_share), fontsize=7)
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set_xlim(0.5, max(gain.passes for gain in gains) + 2)
    axes.set_xlabel("network passes a picture")
    axes.set_ylabel(f"fall of {PERCEPTUAL}, %")
