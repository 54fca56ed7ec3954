"""`semnoma-hil tx`: one user's transmitter node."""

import logging
from typing import Any

import click

from hil.cli.options.answer import answer, json_option
from hil.cli.options.configuration import config_from, node_options, video_options


@click.command("tx")
@node_options
@click.option("--device", help="Radio URI, or sim, pluto, usrp.  [sim]")
@video_options
@click.option("--user", type=click.IntRange(0, 7), required=True, help="Which user this is, from 0.")
@json_option
def command(user: int, as_json: bool, **options: Any) -> None:
    """Encode pictures and transmit them in the slots that the coordinator names. Needs no torch.

    \b
    Examples:
      semnoma-hil tx --user 0 --images ~/photos
      semnoma-hil tx --user 0 --camera /dev/video0
      ffmpeg -i talk.mkv -f matroska - | semnoma-hil tx --user 0 --video -
      semnoma-hil tx --user 1 --device sim:tcp://127.0.0.1:5600 --bus tcp://127.0.0.1:5555
    """
    from hil.errors import UsageError
    from hil.nodes.transmitter_setup import run_transmitter

    config = config_from(**options)
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    if user >= config.users:
        raise UsageError(f"--user {user} does not exist in a run with {config.users} users (0 to {config.users - 1}).")
    run_transmitter(config, user)
    answer(as_json, {"node": f"tx{user}", "complete": True})
