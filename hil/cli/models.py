"""`semnoma-hil models`: the codecs in this installation, and a user's own among them."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table


@click.group("models", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List the installed codecs after checking every checksum.

    \b
    Examples:
      semnoma-hil models
      semnoma-hil models add my-codec/        an ONNX pair and its manifest.json
      semnoma-hil loopback --codec my-codec   runs it like any other
    """
    if context.invoked_subcommand is not None:
        return
    from models.manifest import load_manifest
    from models.zoo import list_codecs

    table = Table("codec", "users", "architecture", "PSNR, dB", "licence")
    for folder in list_codecs():
        manifest = load_manifest(folder)
        psnr = manifest.metrics.get("psnr_db", "see manifest.json")
        table.add_row(manifest.name, str(manifest.users), manifest.architecture, str(psnr), manifest.licence)
    Console().print(table)


@command.command("add")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Put it in the place of one of the same name.")
def add(folder: Path, replace: bool) -> None:
    """Check a codec of your own (ONNX encoder, ONNX or safetensors decoders, manifest.json) and install it by name.

    Checksums, symbols, image sizes and side information are held against the manifest before anything is copied.
    """
    from models.adding import add_codec

    click.echo(f"added as {add_codec(folder, replace).name}")


@command.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Take an added codec away again."""
    from models.adding import remove_codec

    remove_codec(name)
    click.echo(f"removed {name}")
