"""Put a receiver node together from a configuration: radio, waveform, decoders, refiner."""

from hil.bus import BusClient
from hil.calibrating.apply import with_calibration
from hil.config import RunConfig
from hil.decoding import FrameDecoder
from hil.receiver import ReceiverNode
from hil.results import ResultWriter
from models.decoder import SemanticDecoder
from models.zoo import codec_folder, refiner_folder
from radio.device import RadioSettings
from radio.open import open_radio


def open_receiver(config: RunConfig, bus: BusClient, writer: ResultWriter) -> ReceiverNode:
    """Load the models first: a receiver that cannot decode must not join. Raises ModelError or DeviceError."""
    decoder = SemanticDecoder.load(codec_folder(config.codec), device=config.compute_device)
    refiner = None
    if config.refine:
        from models.refiner import Refiner

        refiner = Refiner.load(refiner_folder(config.refiner), device=config.compute_device)
    radio = with_calibration(open_radio(config.radio.device, role="rx"), config, "rx")
    radio.configure(
        RadioSettings(
            sample_rate_hz=config.sample_rate_hz,
            center_frequency_hz=config.center_frequency_hz,
            rx_gain_db=config.radio.rx_gain_db,
            bandwidth_hz=config.radio.bandwidth_hz,
        )
    )
    return ReceiverNode(config, bus, radio, FrameDecoder(config, decoder, refiner, writer))
