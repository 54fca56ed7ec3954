"""`semnoma-hil doctor`: what is installed, which radios there are, what is missing."""

import json
import sys

import click
from rich.table import Table

from hil.cli.options.wide import table_console


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def command(as_json: bool) -> None:
    """Look at this machine; exit code 0 when the simulator can run, 1 when something it needs is missing.

    \b
    Examples:
      semnoma-hil doctor
      semnoma-hil doctor --json
    """
    from hil.diagnosis import doctor

    findings = doctor.diagnose()
    if as_json:
        click.echo(json.dumps(doctor.as_json(findings)))
    else:
        table = Table("part", "name", "")
        table.add_column("state", overflow="fold")
        table.add_column("how to get it", overflow="fold")
        for finding in findings:
            mark = "[green]ok[/]" if finding.ok else ("[red]missing[/]" if finding.needed else "[yellow]absent[/]")
            advice = "" if finding.ok else finding.advice.replace("[", "\\[")
            table.add_row(finding.part, finding.name, mark, finding.state, advice)
        table_console().print(table)
    sys.exit(0 if doctor.can_simulate(findings) else 1)
