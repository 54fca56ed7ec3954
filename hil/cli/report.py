"""`semnoma-hil report`: the HTML report of a run folder."""

from pathlib import Path

import click


@click.command("report")
@click.argument("run_dir", type=click.Path(path_type=Path, exists=True, file_okay=False))
def command(run_dir: Path) -> None:
    """Write RUN_DIR/report.html anew from what the run recorded.

    \b
    Examples:
      semnoma-hil report run1
    """
    from hil.report import build_report

    click.echo(f"report: {build_report(run_dir)}")
