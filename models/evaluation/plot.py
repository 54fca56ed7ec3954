"""The figure of a comparison: PSNR over SNR, one line per scheme."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.errors import ModelError
from models.evaluation.compare import Row

SUFFIXES = (".png", ".svg", ".pdf")


def refuse_unwritable(path: Path) -> None:
    """ModelError unless a figure can be written to ``path``: said before hours of measuring, not after them."""
    if path.suffix.lower() not in SUFFIXES:
        raise ModelError(f"the figure {path} must end in one of {', '.join(SUFFIXES)}.")
    if not path.absolute().parent.is_dir():
        raise ModelError(f"the figure cannot be written to {path}: there is no folder {path.parent}.")


def plot_rows(rows: Sequence[Row], path: Path) -> None:
    """Write PSNR over SNR as the picture ``path`` (.png, .svg or .pdf); ModelError when it cannot be written."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.6), layout="constrained")
    schemes = list(dict.fromkeys(row.scheme for row in rows))
    for scheme in schemes:
        own = [row for row in rows if row.scheme == scheme]
        digital = scheme.startswith("digital-")
        axes.plot(
            [row.snr_db for row in own],
            [row.psnr_db for row in own],
            marker="s" if digital else "o",
            markersize=4,
            linestyle="--" if digital else "-",
            label=scheme,
        )
    first = rows[0]
    axes.set_xlabel("SNR, dB (power of all users over noise, per channel use)")
    axes.set_ylabel("PSNR, dB")
    axes.set_title(
        f"{first.users} users, {first.channel}, {first.channel_uses:g} channel uses an image, {first.images} images",
        fontsize=10,
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    try:
        figure.savefig(path, dpi=130)
    except (OSError, ValueError) as error:
        raise ModelError(f"the figure cannot be written to {path}: {error}.") from error
    finally:
        pyplot.close(figure)
