"""`semnoma-hil models`: the codecs in this installation."""

import click
from rich.console import Console
from rich.table import Table


@click.command("models")
def command() -> None:
    """List the packaged codecs after checking every checksum.

    \b
    Example:
      semnoma-hil models
    """
    from models.manifest import load_manifest
    from models.zoo import list_codecs

    table = Table("codec", "users", "architecture", "PSNR, dB", "licence")
    for folder in list_codecs():
        manifest = load_manifest(folder)
        psnr = manifest.metrics.get("psnr_db", "see manifest.json")
        table.add_row(manifest.name, str(manifest.users), manifest.architecture, str(psnr), manifest.licence)
    Console().print(table)
