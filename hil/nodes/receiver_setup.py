"""Put a receiver node together from a configuration: radio, waveform, decoders, refiner."""

import logging
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hil.bus.client import BusClient
from hil.calibrating.apply import with_calibration
from hil.config import RunConfig
from hil.decoding.deadline import Cost, Deadline
from hil.decoding.frame_decoder import FrameDecoder
from hil.errors import UsageError
from hil.modality.choice import open_modalities
from hil.nodes.receiver import ReceiverNode
from hil.results.session_recording import SessionRecorder
from hil.results.writer import ResultWriter
from hil.semantic_config import PICTURES
from hil.video.warm import warm_decoder
from models.decoding.decoder import SemanticDecoder
from models.errors import ModelError
from models.package.zoo import codec_folder
from models.task.symbol_task import SymbolTask
from radio.device import Radio, RadioSettings, require_applied
from radio.safety.open import open_radio

if TYPE_CHECKING:
    from models.refiner import AnyRefiner

log = logging.getLogger(__name__)

_TRIAL_SIDE_PX = 64


def open_receiver(config: RunConfig, bus: BusClient, writer: ResultWriter) -> ReceiverNode:
    """Load the models first: a receiver that cannot decode must not join.

    Raises ModelError, DeviceError, or ConfigurationError for a recording that cannot be made.
    """
    decoder = open_decoder(config, writer)
    if config.video.sources:
        warm_decoder(decoder.decoder, config)
    radio = _open_configured(config)
    try:
        recorder = SessionRecorder(config.rx.record, config) if config.rx.record else None
    except BaseException:  # a signal too must leave the radio closed
        radio.close()
        raise
    return ReceiverNode(config, bus, radio, decoder, recorder, partial(_open_configured, config))


def _open_configured(config: RunConfig) -> Radio:
    radio = with_calibration(open_radio(config.radio.device, role="rx"), config, "rx")
    settings = RadioSettings(
        sample_rate_hz=config.sample_rate_hz,
        center_frequency_hz=config.center_frequency_hz,
        rx_gain_db=config.radio.rx_gain_db,
        bandwidth_hz=config.radio.bandwidth_hz,
    )
    try:
        require_applied(radio.uri, settings, radio.configure(settings))
    except BaseException:  # a signal too must leave the radio closed
        radio.close()
        raise
    return radio


def open_decoder(config: RunConfig, writer: ResultWriter) -> FrameDecoder:
    """The codec's decoder, and the refiner where the configuration asks for it. Raises ModelError."""
    decoder = SemanticDecoder.load(codec_folder(config.codec), config.compute_device, config.codec_sharing)
    refiner = made_by = None
    if config.refine or config.semantic.mode != PICTURES:
        from models.refiner import open_refiner

        made_by = open_refiner(config.refiner, config.compute_device)
        _prepare_text(config, made_by)
        refiner = made_by if config.refine else None
    canceller = None
    if config.cancel:
        try:
            from hil.decoding.cancellation import Canceller
            from models.runtime.encoder import SemanticEncoder
        except ImportError:
            raise UsageError('cancel needs ONNX Runtime here: pip install "semnoma-hil[tx,rx]".') from None
        encoder = SemanticEncoder.load(codec_folder(config.codec), sharing=config.codec_sharing)
        canceller = Canceller(config, encoder)
    generator = judge = None
    if made_by is not None and config.semantic.mode != PICTURES:
        from hil.decoding.generating import Generator
        from hil.decoding.judge import Judge

        generator, judge = Generator(decoder.manifest, made_by, config.users), Judge.open()
    task = SymbolTask.load(config.semantic.task, decoder) if config.semantic.task else None
    deadline, modalities = _deadline(config, refiner), open_modalities(config)
    return FrameDecoder(
        config,
        decoder,
        refiner,
        writer,
        canceller,
        deadline=deadline,
        modalities=modalities,
        generator=generator,
        judge=judge,
        task=task,
    )


def _prepare_text(config: RunConfig, refiner: "AnyRefiner") -> None:
    """What a refiner reads captions with, loaded before the first; one that cannot read them works without."""
    if not refiner.takes_text or not config.waveform.bits_bytes:
        return
    try:
        refiner.prepare_text()
    except ModelError as error:
        log.warning("the refiner %s does without captions: %s", config.refiner, error)
        refiner.ignore_text()


def _deadline(config: RunConfig, refiner: "AnyRefiner | None") -> Deadline | None:
    """The deadline of the configuration, with the cost of a refinement pass measured on this machine."""
    if config.deadline_ms is None:
        return None
    deadline = Deadline(config.deadline_ms)
    if refiner is not None:
        picture = np.full((3, _TRIAL_SIDE_PX, _TRIAL_SIDE_PX), 0.5, np.float32)
        for _ in range(2):  # the first pass also sets things up; the second is measured
            clock = time.perf_counter()
            refiner.refine(picture, 0.0, 1)
            deadline.refining = Cost()
            deadline.refining.note(_TRIAL_SIDE_PX**2, 1, time.perf_counter() - clock)
    return deadline
