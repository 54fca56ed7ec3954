"""`semnoma-hil devices`: the radios that can be reached."""

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text


@click.command("devices")
@click.option("--network", is_flag=True, help="Also search the networks that this machine is on (broadcasts).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def command(network: bool, as_json: bool) -> None:
    """List reachable radios by the URI that --device takes; says what to install for the kinds that are missing.

    \b
    Examples:
      semnoma-hil devices
      semnoma-hil devices --network
    """
    from radio.backends import describe_backends
    from radio.discovery import find_devices

    found = find_devices(network)
    absent = [report for report in describe_backends() if not report.available]
    if as_json:
        lacking = {report.name: report.reason for report in absent}
        click.echo(json.dumps({"devices": [asdict(device) for device in found], "missing": lacking}))
        return
    console = Console()
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
