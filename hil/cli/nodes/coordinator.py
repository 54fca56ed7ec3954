"""`semnoma-hil coordinator`: names the slots and carries CSI back."""

import logging
import os
from pathlib import Path
from typing import Any

import click

from hil.cli.options.answer import answer, json_option
from hil.cli.options.configuration import config_from, node_options


@click.command("coordinator")
@node_options
@click.option("--resume-from", type=click.Path(path_type=Path), help="Run folder whose recorded frames are skipped.")
@click.option("--device", help="The receiver's radio; sim expects an air node as well.")
@json_option
def command(resume_from: Path | None, as_json: bool, **options: Any) -> None:
    """Wait for the nodes, grant slots, pass CSI from the receiver to the transmitters.

    \b
    Examples (four terminals):
      semnoma-hil coordinator --frames 8
      semnoma-hil air
      semnoma-hil rx --out run1
      semnoma-hil tx --user 0      (and: semnoma-hil tx --user 1)
    """
    from hil.bus.server import BusServer
    from hil.nodes.coordinator import Coordinator
    from hil.nodes.node import PARENT_VARIABLE, Stopped, stop_on_signals
    from hil.results.resume import frames_to_send

    config = config_from(**options)
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    frames = frames_to_send(resume_from, config.frames, config.users)
    bus = BusServer(config.bus.endpoint, config.bus.keys)
    stop_on_signals()
    try:
        simulated = config.radio.device.startswith("sim")
        supervised = PARENT_VARIABLE in os.environ
        frames_sent = Coordinator(config, bus, frames, needs_air=simulated, supervised=supervised).run()
    except Stopped as stopped:
        raise click.Abort from stopped
    finally:
        bus.close()
    answer(as_json, {"node": "coordinator", "complete": True, "frames": frames_sent}, f"{frames_sent} frames done")
