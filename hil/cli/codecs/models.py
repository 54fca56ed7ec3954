"""`semnoma-hil models`: the codecs in this installation, and a user's own among them."""

from pathlib import Path
from typing import Any

import click
from rich.table import Table

from hil.cli.codecs.add import command as add
from hil.cli.options.answer import answer, json_option
from hil.cli.options.wide import table_console

_FACTS = ("name", "version", "users", "architecture", "licence", "metrics")
_REFINER = ("name", "version", "method", "licence")


@click.group("models", invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the installed codecs and refiners after checking every checksum.

    \b
    Examples:
      semnoma-hil models
      semnoma-hil models add my-codec/        a folder of yours, or what another project left
      semnoma-hil loopback --codec my-codec   runs it like any other
    """
    if context.invoked_subcommand is not None:
        return
    from models.package.manifest import load_manifest, load_refiner_manifest
    from models.package.zoo import list_codecs, list_refiners

    if as_json:
        manifests = [load_manifest(folder) for folder in list_codecs()]
        priors = [load_refiner_manifest(folder) for folder in list_refiners()]
        codec_facts = [{name: getattr(m, name) for name in _FACTS} for m in manifests]
        answer(True, {"codecs": codec_facts, "refiners": [{n: getattr(m, n) for n in _REFINER} for m in priors]})
        return
    codecs = Table("codec", "users", "architecture", "PSNR at 10 dB", "licence")
    for folder in list_codecs():
        codec = load_manifest(folder)
        codecs.add_row(codec.name, str(codec.users), codec.architecture, _psnr_at_10_db(codec.metrics), codec.licence)
    refiners = Table("refiner", "method", "licence")
    for folder in list_refiners():
        refiner = load_refiner_manifest(folder)
        refiners.add_row(refiner.name, refiner.method, refiner.licence)
    table_console().print(codecs, refiners)


def _psnr_at_10_db(metrics: dict[str, Any]) -> str:
    """A line for each set of pictures, over random phases; what a manifest may lack or say otherwise is left to it."""
    lines = []
    sources = metrics.get("psnr_db")
    for source, found in sources.items() if isinstance(sources, dict) else ():
        try:
            lines.append(f"{float(found['psnr_db']['random-phase']['10']):.1f} dB, {found['images']} of {source}")
        except (KeyError, TypeError, ValueError):
            continue
    return "\n".join(lines) or "see manifest.json"


command.add_command(add)


@command.command("convert-refiner")
@click.argument("checkpoint", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write.")
@click.option("--name", required=True, help="Name of the refiner.")
@click.option("--size", type=click.IntRange(8, 4096), required=True, help="Side of the images it was trained on, px.")
@click.option("--schedule", type=click.Choice(["cosine", "linear"]), required=True, help="Noise schedule it learnt.")
@click.option("--head-channels", type=click.IntRange(1), default=64, show_default=True, help="Per attention head.")
@click.option("--licence", required=True, help="Licence of the weights.")
@click.option("--note", default="", help="Where the checkpoint comes from.")
@json_option
def convert_refiner(checkpoint: Path, out: Path, as_json: bool, **facts: Any) -> None:
    """Turn a public diffusion checkpoint of the improved-diffusion layout into a refiner folder.

    CHECKPOINT is a .safetensors file, or a .pt file that holds nothing but tensors (nothing else is unpickled).

    \b
    Example:
      semnoma-hil models convert-refiner cifar10.pt --size 32 --schedule cosine --name p32 --licence MIT --out prior
      semnoma-hil loopback --refine --set refiner=prior
    """
    from models.export.refiner_checkpoint import convert_file

    manifest = convert_file(checkpoint, out, **facts)
    channels = manifest.arguments["block_out_channels"]
    answer(as_json, {"folder": out, "name": manifest.name, "block_out_channels": channels}, f"{out}: {manifest.name}")


@command.command("remove")
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> None:
    """Take an added codec away again."""
    from models.export.adding import remove_codec

    remove_codec(name)
    answer(as_json, {"removed": name}, f"removed {name}")
