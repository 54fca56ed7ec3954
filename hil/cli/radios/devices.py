"""`semnoma-hil devices`: the radios that can be reached."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from hil.cli.options.wide import table_console

if TYPE_CHECKING:
    from radio.backends import BackendReport
    from radio.discovery import FoundDevice


@click.command("devices")
@click.option("--network", is_flag=True, help="Also search the networks that this machine is on (broadcasts).")
@click.option("--kind", metavar="SCHEME", help="Only this kind of radio, e.g. usrp; code 1 without its driver.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def command(network: bool, kind: str | None, as_json: bool) -> None:
    """List reachable radios by the URI that --device takes; says what to install for the kinds that are missing.

    \b
    Examples:
      semnoma-hil devices
      semnoma-hil devices --network
      semnoma-hil devices --kind usrp --network
    """
    from hil.errors import UsageError
    from models.suggestion import did_you_mean
    from radio.backends import describe_backends
    from radio.discovery import find_devices

    reports = describe_backends()
    names = [report.name for report in reports]
    if kind is not None and kind not in names:
        raise UsageError(f"--kind {kind} is no kind of radio{did_you_mean(kind, names)}; there are {', '.join(names)}.")
    absent = [report for report in reports if not report.available and kind in (None, report.name)]
    found = [device for device in find_devices(network) if kind in (None, device.uri.partition(":")[0])]
    if as_json:
        lacking = {report.name: report.reason for report in absent}
        click.echo(json.dumps({"devices": [asdict(device) for device in found], "missing": lacking}))
    else:
        _show(found, absent, network)
    sys.exit(1 if kind and absent else 0)


def _show(found: "Sequence[FoundDevice]", absent: "Sequence[BackendReport]", network: bool) -> None:
    console = table_console()
    if found:
        table = Table("URI", "device")
        for device in found:
            table.add_row(Text(device.uri), Text(device.what))
        console.print(table)
    else:
        where = "" if network else " on this machine; --network also searches the networks it is on"
        click.echo(f"No radio was found{where}.")
    for report in absent:
        console.print(Text(f"{report.name}: {report.reason}", style="yellow"))
