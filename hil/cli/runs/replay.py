"""`semnoma-hil replay`: the receiver on a recording."""

import json
from pathlib import Path

import click

from hil.cli.options.wide import table_console
from hil.cli.options.configuration import capture_option


@click.command("replay")
@click.argument("recording", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("replay"), show_default=True)
@click.option("--refine/--no-refine", default=None, help="Refinement.  [as recorded]")
@click.option("--codec", help="Packaged codec or the folder of one.  [as recorded]")
@capture_option
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any other option of the receiver.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json and nothing else.")
def command(
    recording: Path,
    out: Path,
    refine: bool | None,
    codec: str | None,
    capture: str | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Run the receiver on what rx or loopback recorded with --record (SigMF) or --capture iq,... (HDF5).

    \b
    Examples:
      semnoma-hil loopback --record capture.sigmf-meta --out run1
      semnoma-hil replay capture.sigmf-meta --out again
      semnoma-hil replay capture.sigmf-meta --refine --out refined
      semnoma-hil replay run1/capture.h5 --out again
      semnoma-hil replay capture.sigmf-meta --capture csi,truth --out dataset
    """
    from hil.cli.options.configuration import capture_parts, parse_settings
    from hil.report.terminal import print_summary
    from hil.supervise.replay import replay_config, run_replay

    flags = {"refine": refine, "codec": codec, "rx.capture": capture_parts(capture)}
    given = {name: value for name, value in flags.items() if value is not None}
    config = replay_config(recording, parse_settings(settings) | given)
    summary = run_replay(recording, config, out)
    if as_json:
        click.echo(json.dumps(summary))
        return
    print_summary(summary, table_console())
    click.echo(f"report: {out / 'report.html'}")
