"""`semnoma-hil train sound`: the networks that map sound to symbols."""

from __future__ import annotations

from pathlib import Path

import click

from hil.cli.options.answer import answer, json_option
from hil.cli.options.ranges import Quantity
from hil.cli.options.typed import typed_command


@click.command("sound")
@click.option(
    "--sounds", required=True, type=click.Path(path_type=Path), help="Folder of WAV files, 8 to 96 kHz; best speech."
)
@click.option("--minutes", type=Quantity("min", 1e-3), default=15.0, show_default=True, help="Time to train.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of every random draw.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the networks.")
@click.option("--licence", default="Apache-2.0", show_default=True, help="Licence of the weights.")
@json_option
def command(sounds: Path, minutes: float, seed: int, out: Path, licence: str, as_json: bool) -> None:
    """Train on recordings, all channels mixed to one; write encoder.onnx, decoder.onnx and manifest.json.

    \b
    Examples:
      semnoma-hil train sound --sounds speech/ --minutes 15 --out my-speech
    """
    from hil.errors import UsageError
    from models.audio.export import export
    from models.audio.sound import RATE_HZ, read_sound, sound_files
    from models.audio.training import train
    from models.package.manifest import Provenance

    read = [read_sound(file).mean(axis=1) for file in sound_files(sounds)]
    if sum(map(len, read)) < RATE_HZ:
        raise UsageError(f"{sounds} holds less than a second of sound.")
    if not any(one.any() for one in read):
        raise UsageError(f"{sounds} holds nothing but silence.")
    networks, updates = train(read, minutes, seed, lambda step, db: click.echo(f"{step}: {db:.2f} dB", err=True))
    told = Provenance(
        data=sounds.name, command=typed_command(), seed=seed, minutes=minutes, images_seen=0, note=f"{updates} updates"
    )
    manifest = export(networks, out, out.name, told, licence)
    answer(as_json, {"folder": out, "name": manifest.name, "updates": updates}, f"{out}: {updates} updates")
