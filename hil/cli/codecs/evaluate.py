"""`semnoma-hil evaluate`: compare schemes on held-out pictures over the bare channel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import click

from hil.cli.options.answer import wrote
from hil.cli.options.ranges import NumberList
from hil.cli.options.typed import typed_command
from hil.cli.options.wide import table_console

CHANNELS = ("awgn", "rayleigh", "random-phase", "selective")


@click.command("evaluate")
@click.option(
    "--images", required=True, help="A folder, a CIFAR-10 archive (its test images), an .npz with 'images', or 'demo'."
)
@click.option("--scheme", "names", required=True, help="Comma-separated: codecs, CODEC+REFINER, digital-jpeg|webp|...")
@click.option("--channel", type=click.Choice(CHANNELS), default="awgn", show_default=True)
@click.option("--users", type=click.IntRange(1, 8), default=2, show_default=True)
@click.option("--antennas", type=click.IntRange(1, 4), default=1, show_default=True, help="Of the receiver.")
@click.option("--snr", "snrs_db", type=NumberList("db"), default="0:20:2", show_default=True, help="Total SNR, dB.")
@click.option("--metric", "metrics", help="Comma-separated: st-lpips, lpips, fid, class-accuracy.")
@click.option("--captions", help="What refiners that read texts are told: labels, wrong-labels, a file, text:WORDS.")
@click.option("--limit", type=click.IntRange(1), help="Only the first so many pictures.")
@click.option("--ratio", type=click.FloatRange(0, 1, min_open=True), help="Channel uses per image real.  [the codecs']")
@click.option("--seed", type=click.IntRange(0), default=30_000, show_default=True, help="Of fading and noise.")
@click.option("--device", default="auto", show_default=True, help="Where decoders run: auto, cpu, cuda.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON and nothing else.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Write the figure to this picture.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Leave curves.csv, pictures.csv, psnr.svg and measured.json here.",
)
@click.option(
    "--question",
    type=click.Choice(["scheme", "ablation", "refiner"]),
    help="One table and figure: PSNR over SNR, difference to the first scheme, refiners' gain over cost.",
)
def command(
    images: str,
    names: str,
    snrs_db: tuple[float, ...],
    metrics: str | None,
    captions: str | None,
    as_json: bool,
    plot: Path | None,
    out: Path | None,
    question: Literal["scheme", "ablation", "refiner"] | None,
    **options: Any,
) -> None:
    """Measure PSNR, SSIM and MS-SSIM of schemes at the same channel uses, pictures, fading and noise.

    digital-FORMAT sends compressed pictures with 5G LDPC and QAM, users taking turns; digital-FORMAT-capacity
    replaces that link by the capacity of the multiple-access channel, an upper bound for anything digital.
    --snr takes a value, a list like 0,5,10 or a range like 0:20:2.

    \b
    Examples:
      semnoma-hil evaluate --images demo --scheme compact-2u --snr 0:20:5
      semnoma-hil evaluate --images demo --scheme compact-2u,digital-avif --snr 0:20:5 --out curves
      semnoma-hil evaluate --images cifar-10-binary.tar.gz --limit 512 --channel rayleigh \\
          --scheme compact-2u,digital-jpeg,digital-avif-capacity --json --plot psnr.png
      semnoma-hil evaluate --images demo --snr 5 --scheme real-time,real-time+refiner-32 --metric st-lpips \\
          --question refiner
    """
    from hil.errors import UsageError
    from models.evaluation.compare import compare
    from models.evaluation.plot import plot_rows, refuse_unwritable
    from models.evaluation.schemes import open_scheme
    from models.images import open_images

    if plot is not None:
        refuse_unwritable(plot)
    schemes = [open_scheme(name, options["users"], options["device"]) for name in _names(names)]
    measures = _measures(metrics, images, options["device"])
    if question == "refiner" and ("st-lpips" not in measures or not any(scheme.refiner_passes for scheme in schemes)):
        raise UsageError("--question refiner needs --metric st-lpips, a codec and CODEC+REFINER among the schemes.")
    source = open_images(images, split="test")
    chosen: dict[str, Any] = {key: options[key] for key in ("limit", "ratio", "seed", "antennas")}
    chosen |= {"metrics": measures, "captions": _texts(captions, images, source, options["limit"])}
    rows = list(compare(source, schemes, options["channel"], options["users"], snrs_db, **chosen))
    if as_json:
        click.echo(json.dumps([row.as_dict() for row in rows]))
    else:
        _print(rows) if question is None else _print_answer(rows, question)
    if plot is not None:
        plot_rows(rows, plot, question or "scheme")
        wrote("plot", plot)
    if out is not None:
        _leave(rows, out)


def _measures(metrics: str | None, images: str, device: str) -> dict[str, Any]:
    """Every figure that is asked for beside PSNR and SSIM, by name. Raises ModelError."""
    from models.evaluation.class_accuracy import CLASS_ACCURACY, class_accuracy
    from models.evaluation.perceptual import load_measure
    from models.images.labelled import open_labelled

    names = [name.strip() for name in (metrics or "").split(",") if name.strip()]
    return {
        name: class_accuracy(open_labelled(images, "test")[1], device=device)
        if name == CLASS_ACCURACY
        else load_measure(name)
        for name in names
    }


def _texts(captions: str | None, images: str, source: Any, limit: int | None) -> list[str]:
    """A caption of each of the source's first pictures; none at all where none are asked for."""
    from hil.language.captioner import open_captioner
    from hil.language.note import Note, clean

    captioner = open_captioner(captions, images, "test")
    if captioner is None:
        return []
    said = [captioner.describe(source[index], index) for index in range(min(len(source), limit or len(source)))]
    return [clean(one.caption if isinstance(one, Note) else one) for one in said]


def _leave(rows: list[Any], out: Path) -> None:
    from hil.errors import UsageError
    from hil.experiments.curves import write_curves

    try:
        written = write_curves(rows, out, typed_command())
    except OSError as error:
        raise UsageError(f"the curves cannot be written to {out}: {error.strerror}.") from error
    click.echo("wrote " + ", ".join(path.name for path in written) + f" to {out}", err=True)


def _names(text: str) -> list[str]:
    from hil.errors import UsageError

    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len(set(names)) != len(names):
        raise UsageError(f"--scheme {text!r} must name at least one scheme, and none of them twice.")
    return names


def _print(rows: list[Any]) -> None:
    from rich.table import Column, Table

    further = list(rows[0].perceptual)
    widest = max(len(row.scheme) for row in rows)
    table = Table(
        Column("scheme", min_width=widest), "SNR, dB", "uses", "images", "PSNR, dB", "SSIM", "MS-SSIM", *further
    )
    for row in rows:
        figures = [
            "-" if value is None else f"{value:.3f}" for value in (row.ssim, row.ms_ssim, *row.perceptual.values())
        ]
        facts = [row.scheme, f"{row.snr_db:g}", f"{row.channel_uses:g}", str(row.images), f"{row.psnr_db:.2f}"]
        table.add_row(*facts, *figures)
    table_console().print(table)
    for name, link in dict.fromkeys((row.scheme, row.link) for row in rows):
        click.echo(f"{name}: {link}")


def _print_answer(rows: list[Any], question: Literal["scheme", "ablation", "refiner"]) -> None:
    from rich.table import Column, Table

    from models.evaluation.questions import answer

    title, columns, lines = answer(rows, question)
    widest = max(len(name) for name, _ in lines)
    table = Table(Column("scheme", min_width=widest), *columns, title=title)
    for name, cells in lines:
        table.add_row(name, *cells)
    table_console().print(table)
