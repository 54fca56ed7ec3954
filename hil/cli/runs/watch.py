"""`semnoma-hil watch`: a run as a table in the terminal."""

import contextlib
from pathlib import Path

import click

from hil.cli.options.answer import answer, json_option
from hil.cli.options.live import open_feed, source_options


@click.command("watch")
@source_options
@click.option("--until-ended", is_flag=True, help="Return when the run is over.")
@json_option
def command(run: Path | None, bus: str | None, keys: Path | None, until_ended: bool, as_json: bool) -> None:
    """Nodes, pictures' PSNR, channels and events of a run, as it happens or from its folder.

    With --json: the state as it is now, or with --until-ended as it is when the run is over, once.

    \b
    Examples:
      semnoma-hil watch --run run1
      semnoma-hil watch --bus tcp://192.0.2.10:5555 --keys keys
    """
    from hil.live.terminal import show, snapshot

    with contextlib.closing(open_feed(run, bus, keys, control=False)) as feed:
        if as_json:
            answer(True, snapshot(feed.state, until_ended))
        else:
            show(feed.state, until_ended=until_ended)
