"""Put a transmitter node together from a configuration, and join again after a break in the link."""

import contextlib
import logging
import time
from dataclasses import replace

import click

from hil.bus.client import BusClient
from hil.bus.messages import Stop
from hil.calibrating.apply import carrier_start_hz, with_calibration
from hil.config import RunConfig
from hil.errors import HilError
from hil.language.captioner import Captioner, open_captioner
from hil.modality.choice import open_modalities
from hil.nodes.node import Apart, Stopped, connect, leave, stop_on_signals, word_of_the_end
from hil.nodes.transmitter import Source, TransmitterNode
from hil.video.play import LivePictures
from hil.video.sources import open_live
from hil.video.warm import warm_encoder
from models.images import open_images
from models.modality.halves import Sending
from models.package.zoo import codec_folder
from models.runtime.encoder import SemanticEncoder
from radio.device import RadioSettings, require_applied
from radio.errors import DeviceError, DeviceGone, RadioError
from radio.safety.guard import TransmitGuard
from radio.safety.open import open_radio

log = logging.getLogger(__name__)
MAX_REOPENED = 5  # a radio that fails more often in one run is broken


class RadioLost(Apart):
    """The radio has failed in the middle of a run, as after a sleep: it is opened again."""


def run_transmitter(config: RunConfig, user: int) -> None:
    """Serve one user until the coordinator ends the run.

    While the coordinator is silent the radio is closed and the node asks to join again, for bus.rejoin_timeout_s.
    Raises ModelError, DeviceError, ConfigurationError, HilError or UsageError.
    """
    live = open_live(config.video, user)
    encoder, images = _sending(config, user, live)
    captioner = open_captioner(config.captions, config.images)
    stop_on_signals()
    heard_s, sessions = time.monotonic(), 1
    try:
        while (
            last_s := _session(config, user, encoder, images, live, captioner, sessions <= MAX_REOPENED)
        ) is not None:
            sessions += 1
            heard_s = max(heard_s, last_s)
            if time.monotonic() - heard_s > config.bus.rejoin_timeout_s:
                raise HilError(f"the coordinator has not been heard for {config.bus.rejoin_timeout_s:g} s.")
            log.warning("this node asks to join again")
    finally:
        if live is not None:
            live.close()


def _sending(config: RunConfig, user: int, live: LivePictures | None) -> tuple[Sending, Source]:
    """What the user's modality encodes with, and its items."""
    modality = open_modalities(config).get(user)
    if modality is not None:
        return modality, modality.load(config.source_of(user))
    encoder = SemanticEncoder.load(codec_folder(config.codec), sharing=config.codec_sharing)
    if live is not None:
        warm_encoder(encoder, config, user)
        return encoder, live.images
    return encoder, open_images(config.source_of(user), max_side_px=config.max_image_side_px)


def _session(
    config: RunConfig,
    user: int,
    encoder: Sending,
    images: Source,
    live: LivePictures | None,
    captioner: Captioner | None,
    reopens: bool,
) -> float | None:
    """From joining to the end of the run; where this node got lost, when its coordinator was last heard (s)."""
    bus = connect(config, f"tx{user}")
    reason: str | None = ""
    try:
        stop = _serve(config, user, bus, encoder, images, live, captioner)
        if not stop.complete:
            raise HilError(stop.reason)
        return None
    except Stopped as stopped:
        reason = str(stopped)
        raise click.Abort from stopped
    except Apart as apart:
        log.warning("%s", apart)
        if isinstance(apart, RadioLost) and not reopens:
            reason = str(apart)
            raise
        reason = None
    except Exception as error:
        reason = str(error)
        if not (isinstance(error, RadioError) and bus.coordinator.silent):
            raise
        reason = None  # the same break has taken the radio
    finally:
        if reason is None:
            bus.close()
        else:
            leave(bus, reason)
    return bus.coordinator.heard_s if bus.coordinator.heard else 0.0


def _serve(
    config: RunConfig,
    user: int,
    bus: BusClient,
    encoder: Sending,
    images: Source,
    live: LivePictures | None,
    captioner: Captioner | None,
) -> Stop:
    opened = open_radio(config.radio.device, role="tx", index=user, guard=TransmitGuard(config.guard))
    radio = with_calibration(opened, config, "tx", user)
    try:
        settings = RadioSettings(
            sample_rate_hz=config.sample_rate_hz,
            center_frequency_hz=config.center_frequency_hz,
            tx_gain_db=config.radio.tx_gain_db,
            bandwidth_hz=config.radio.bandwidth_hz,
        )
        applied = radio.configure(settings)
        require_applied(radio.uri, settings, applied)
        if settings.tx_gain_db is None:  # the device's own: what the power loop goes down from
            settings = replace(settings, tx_gain_db=applied.tx_gain_db)
        opened.watch(lambda: bus.coordinator.led_s)
        start_hz = carrier_start_hz(radio.calibration)
        try:
            return TransmitterNode(
                config, user, bus, radio, encoder, images, settings, start_hz, live, opened.silence, captioner
            ).run()
        except DeviceGone:
            with contextlib.suppress(RadioError):  # of one that has gone
                opened.silence()
            stop = word_of_the_end(bus, config.bus.node_timeout_s)
            if stop is None:
                raise
            return stop
        except DeviceError as error:
            raise RadioLost(str(error)) from error
    finally:
        radio.close()
