"""`semnoma-hil tx`: one user's transmitter node."""

import logging
from typing import Any

import click

from hil.cli.options import config_from, node_options


@click.command("tx")
@node_options
@click.option("--device", help="Radio URI, or sim, pluto, usrp.  [sim]")
@click.option("--user", type=click.IntRange(0, 7), required=True, help="Which user this is, from 0.")
def command(user: int, **options: Any) -> None:
    """Encode pictures and transmit them in the slots that the coordinator names. Needs no torch.

    \b
    Examples:
      semnoma-hil tx --user 0 --images ~/photos
      semnoma-hil tx --user 1 --device sim:tcp://127.0.0.1:5600 --bus tcp://127.0.0.1:5555
    """
    from hil.calibrating.apply import carrier_start_hz, with_calibration
    from hil.errors import HilError, UsageError
    from hil.node import Stopped, connect, leave, stop_on_signals
    from hil.transmitter import TransmitterNode
    from models.images import open_images
    from models.runtime import SemanticEncoder
    from models.zoo import codec_folder
    from radio.device import RadioSettings, require_applied
    from radio.guard import TransmitGuard
    from radio.open import open_radio

    config = config_from(**options)
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    if user >= config.users:
        raise UsageError(f"--user {user} does not exist in a run with {config.users} users (0 to {config.users - 1}).")
    encoder = SemanticEncoder.load(codec_folder(config.codec))
    images = open_images(config.images, max_side_px=config.max_image_side_px)
    stop_on_signals()
    reason = ""
    guard = TransmitGuard(config.guard)
    bus = connect(config, f"tx{user}")
    try:
        opened = open_radio(config.radio.device, role="tx", index=user, guard=guard)
        radio = with_calibration(opened, config, "tx", user)
        try:
            settings = RadioSettings(
                sample_rate_hz=config.sample_rate_hz,
                center_frequency_hz=config.center_frequency_hz,
                tx_gain_db=config.radio.tx_gain_db,
                bandwidth_hz=config.radio.bandwidth_hz,
            )
            require_applied(radio.uri, settings, radio.configure(settings))
            opened.watch(lambda: bus.heard_s)
            start_hz = carrier_start_hz(radio.calibration)
            stop = TransmitterNode(config, user, bus, radio, encoder, images, settings, start_hz).run()
            if not stop.complete:
                raise HilError(stop.reason)
        finally:
            radio.close()
    except Stopped as stopped:
        reason = str(stopped)
        raise click.Abort from stopped
    except Exception as error:
        reason = str(error)
        raise
    finally:
        leave(bus, reason)
