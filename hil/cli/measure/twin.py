"""`semnoma-hil twin`: a simulated air that behaves as the room of a recording did."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hil.cli.options.answer import wrote
from hil.cli.options.wide import table_console

if TYPE_CHECKING:
    from hil.twin.compare import TwinCheck
    from hil.twin.fit import TwinFit

_recording = click.argument("recording", metavar="CAPTURE", type=click.Path(path_type=Path))


@click.group("twin")
def command() -> None:
    """A simulated air fitted to a recording, and how close its error curves are to the recording's.

    \b
    Examples:
      semnoma-hil loopback --record capture.sigmf-meta --out run1
      semnoma-hil twin fit capture.sigmf-meta --out twin.yaml
      semnoma-hil twin check capture.sigmf-meta --config twin.yaml --plot twin.png
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
    click.echo(f"written: {out}; next: semnoma-hil twin check {recording} --config {out}")


def _show_fit(found: "TwinFit") -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("")
    for one in found.estimates:
        table.add_row(one.name, str(one), style=None if one.fitted else "dim")
    table_console().print(table)


@command.command("check")
@_recording
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path), required=True, help="The twin: YAML, as fit writes it."
)
@click.option(
    "--passes", type=click.IntRange(1, 1000), default=3, show_default=True, help="Twin's bursts per recorded."
)
@click.option("--pictures/--no-pictures", default=True, show_default=True, help="Decode and compare pictures too.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write the curves to this PNG or SVG.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON and nothing else.")
def check(recording: Path, config_path: Path, passes: int, pictures: bool, plot: Path | None, as_json: bool) -> None:
    """Run the receiver over the recording and over the twin's air, and say how close their error curves are.

    Distributions over bursts are compared: EVM, SNR, payload SNR behind the equaliser, CSI error, carrier, arrival,
    and PSNR where the recording holds pictures.
    """
    from hil.config import load_config
    from hil.twin.check import check_twin
    from hil.twin.recorded import Recording

    result = check_twin(Recording.open(recording), load_config(config_path), passes, pictures)
    if plot:
        from hil.twin.plot import plot_check

        plot_check(result, plot)
        wrote("plot", plot)
    if as_json:
        click.echo(json.dumps(result.check.as_dict()))
        return
    _show_check(result.check)
    click.echo(result.check.verdict)


def _show_check(checked: "TwinCheck") -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("", "recording", "twin", "difference", "KS", "close"):
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    for one in checked.comparisons:
        medians = (f"{value:.4g}" for value in (one.recording_median, one.twin_median))
        difference = f"{one.difference:+.3g} {one.unit}"
        table.add_row(one.name, *medians, difference, f"{one.ks:.2f}", "yes" if one.close else "no")
    rates = (f"{rate:.1%}" for rate in checked.header_rates)
    table.add_row("headers read", *rates, "", "", "")
    table_console().print(table)
