"""`semnoma-hil export`: a usable folder from a training run's checkpoint, or from a codec as ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from hil.cli.options.answer import answer, json_option


@click.command("export")
@click.option(
    "--run",
    "run_folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of a training run, finished or still running.",
)
@click.option("--codec", help="Installed codec or its folder, to be written as ONNX altogether.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write.")
@click.option("--kind", type=click.Choice(["codec", "refiner"]), default="codec", show_default=True)
@click.option("--precision", type=click.Choice(["float", "int8"]), help="Of --codec.  [float]")
@click.option("--calibration", help="Pictures that set the 8-bit ranges.")
@click.option("--validation", help="Pictures to measure PSNR on, against the codec it came from.")
@click.option("--limit", type=click.IntRange(1), default=512, show_default=True, help="Pictures to measure on.")
@click.option("--name", help="Name of the exported codec.  [NAME-float, NAME-int8]")
@json_option
def command(
    run_folder: Path | None,
    codec: str | None,
    out: Path,
    kind: str,
    precision: str | None,
    calibration: str | None,
    validation: str | None,
    limit: int,
    name: str | None,
    as_json: bool,
) -> None:
    """Export a run's latest checkpoint, or a codec's encoder and decoders as ONNX, float or 8-bit.

    \b
    Examples:
      semnoma-hil export --run run1 --out my-codec
      semnoma-hil export --run run2 --kind refiner --out my-refiner
      semnoma-hil export --codec compact-2u --precision int8 --calibration photos/ --validation test.npz --out fast
    """
    from hil.errors import UsageError

    if (run_folder is None) == (codec is None):
        raise UsageError("export needs either --run, a training run, or --codec, an installed codec.")
    if codec is not None:
        from models.export.onnx_codec import export_onnx_codec
        from models.package.zoo import codec_folder

        wanted: Literal["float", "int8"] = "int8" if precision == "int8" else "float"
        exported = export_onnx_codec(codec_folder(codec), out, wanted, calibration, validation, name, limit)
        _say(out, exported, as_json)
        return
    if precision or calibration or validation or name:
        raise UsageError("--precision, --calibration, --validation and --name belong to --codec, not to --run.")
    from models.training.codec.finish import finish_codec
    from models.training.refiner.finish import finish_refiner

    assert run_folder is not None
    manifest = finish_codec(run_folder, out) if kind == "codec" else finish_refiner(run_folder, out)
    _say(out, manifest, as_json)


def _say(out: Path, manifest: Any, as_json: bool) -> None:
    facts = {"folder": out, "name": manifest.name, "version": manifest.version, "metrics": manifest.metrics}
    answer(as_json, facts, f"{out}: {manifest.name} {manifest.version}, {manifest.metrics}")
