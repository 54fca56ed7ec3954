"""`semnoma-hil export`: a usable folder from a training run's checkpoint."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("export")
@click.option(
    "--run",
    "run_folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of a training run, finished or still running.",
)
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write.")
@click.option("--kind", type=click.Choice(["codec", "refiner"]), default="codec", show_default=True)
def command(run_folder: Path, out: Path, kind: str) -> None:
    """Export a run's latest checkpoint: ONNX encoder, decoders, manifest with checksums and measured figures.

    \b
    Examples:
      semnoma-hil export --run run1 --out my-codec
      semnoma-hil export --run run2 --kind refiner --out my-refiner
    """
    from models.training.finish import finish_codec, finish_refiner

    manifest = finish_codec(run_folder, out) if kind == "codec" else finish_refiner(run_folder, out)
    click.echo(f"{out}: {manifest.name} {manifest.version}, {manifest.metrics}")
