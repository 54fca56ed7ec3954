"""`semnoma-hil calibrate delay`: what a kind of radio delays, kept for all of its kind, rate and driver."""

import time
from pathlib import Path

import click

from hil.cli.options.answer import answer, json_option


@click.command("delay")
@click.option("--user", type=click.IntRange(0, 7), default=0, show_default=True, help="Whose transmitter.")
@click.option("--frames", type=click.IntRange(2, 100_000), default=16, show_default=True)
@click.option("--kind", help="What this kind of radio is called.  [as it says of itself]")
@click.option("--origin", default="", help="Words for the file: cable, attenuator, who.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder.  [the user's, `delays` in it]")
@json_option
@click.pass_context
def delay(
    context: click.Context, user: int, frames: int, kind: str | None, origin: str, out: Path | None, as_json: bool
) -> None:
    """Measure from tick to arrival and write a file by kind, driver and rate; transmitters that keep time use it.

    Options of `calibrate` (--device, --set) come before `delay`. Take a short cable: its delay counts.
    """
    from calibration.delays.table import FOLDER, kind_of, write_delay
    from calibration.lab.delay import measure_delay
    from calibration.store.folder import default_folder
    from hil.calibrating.apply import OWN_AIR_SERIAL
    from hil.calibrating.radios import OWN_AIR
    from hil.cli.radios.characterise import opened_bench

    with opened_bench(context, user) as (config, radios, transmitters):
        measured = measure_delay(radios, user, frames)
        driver = radios.driver(user)
    device = transmitters[user]
    uri = device.serial.replace(OWN_AIR_SERIAL, OWN_AIR, 1)
    kind = kind or kind_of(uri.partition("#")[0], device.hardware)
    when = time.strftime("%Y-%m-%d", time.gmtime())
    said = f"Measured {when}, `semnoma-hil calibrate delay`, {frames} bursts. {origin}".strip()
    path = write_delay(kind, driver, config.sample_rate_hz, measured, said, out or default_folder() / FOLDER)
    facts = {
        "kind": kind,
        "driver": driver,
        "sample_rate_hz": config.sample_rate_hz,
        "delay_samples": measured.value,
        "standard_uncertainty": measured.standard_uncertainty,
        "file": path,
    }
    answer(as_json, facts, f"{kind} at {config.sample_rate_hz:g} samples/s: {measured}", f"kept: {path}")
