"""`semnoma-hil twin`: a simulated air that behaves as the room of a recording did."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hil.twin.fit import TwinFit

_recording = click.argument("recording", metavar="CAPTURE", type=click.Path(path_type=Path))


@click.group("twin")
def command() -> None:
    """A simulated air fitted to a recording, and how close its error curves are to the recording's.

    \b
    Examples:
      semnoma-hil loopback --record capture.sigmf-meta --out run1
      semnoma-hil twin fit capture.sigmf-meta --out twin.yaml
      semnoma-hil loopback --config twin.yaml --out run2
    """


@command.command("fit")
@_recording
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("twin.yaml"), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print every estimate as JSON and nothing else.")
def fit(recording: Path, out: Path, as_json: bool) -> None:
    """Estimate offsets, phase noise, IQ balance, DC, noise, gains, delays, multipath and Doppler of a recording.

    Writes a configuration for --config. What the recording does not tell keeps its default, and a comment says so. The
    ground truth that a recording of the simulated air holds is not looked at.
    """
    from hil.twin.config_file import write_twin
    from hil.twin.fit import fit_twin
    from hil.twin.recorded import Recording

    found = fit_twin(Recording.open(recording))
    write_twin(found, recording, out)
    if as_json:
        estimates = [one.as_dict() for one in found.estimates]
        facts = {"config": str(out), "slots": found.slots[0], "slots_received": found.slots[1], "scale": found.scale}
        click.echo(json.dumps(facts | {"estimates": estimates}))
        return
    _show_fit(found)
    click.echo(f"written: {out}")


def _show_fit(found: "TwinFit") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("")
    for one in found.estimates:
        table.add_row(one.name, str(one), style=None if one.fitted else "dim")
    Console().print(table)
