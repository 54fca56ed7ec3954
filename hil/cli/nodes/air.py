"""`semnoma-hil air`: the simulated air."""

import logging
from typing import Any

import click

from hil.cli.options.answer import answer, json_option
from hil.cli.options.configuration import config_from, node_options


@click.command("air")
@node_options
@click.option("--device", help="Where the simulated radios reach this air.  [sim:tcp://127.0.0.1:5600]")
@click.option("--pace", type=float, help="1 for real time; as fast as the machine allows when left out.")
@click.option("--allow-remote", is_flag=True, help="Let other machines in, whoever they are: lab networks only.")
@json_option
def command(pace: float | None, device: str | None, allow_remote: bool, as_json: bool, **options: Any) -> None:
    """Add the users' bursts sample by sample: gains, delays, clocks, fading, noise, converters.

    \b
    Examples:
      semnoma-hil air --snr 10 --channel tdl-a
      semnoma-hil air --pace 1
    """
    from hil.errors import HilError, UsageError
    from hil.nodes.air import AirNode
    from hil.nodes.node import membership
    from radio.air.serving.server import AirServer
    from radio.errors import DeviceError

    if pace is not None:
        options["settings"] = (*options["settings"], f"air.pace={pace}")
    config = config_from(device=device, **options)
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    address = "tcp://127.0.0.1:5600" if config.radio.device == "sim" else config.radio.device.removeprefix("sim:")
    if not address.startswith("tcp://"):
        raise UsageError(f"--device {config.radio.device} is not a simulated air; sim:tcp://HOST:PORT is.")
    try:
        server = AirServer(config.air, address, expected_users=config.users, allow_remote=allow_remote)
    except DeviceError as error:  # an address that cannot be listened on is the user's to change
        raise UsageError(str(error)) from None
    try:
        with membership(config, "air") as bus:
            stop = AirNode(config, bus, server).run()
            if not stop.complete:
                raise HilError(stop.reason)
    finally:
        server.close()
    answer(as_json, {"node": "air", "complete": True})
