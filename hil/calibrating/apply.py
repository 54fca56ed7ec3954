"""Puts a node's stored calibration into its radio, or the null calibration where none fits."""

import logging
from pathlib import Path

from calibration.delays.table import find_delay, kind_of
from calibration.store.calibrated_radio import CalibratedRadio
from calibration.store.folder import CalibrationFolder, default_folder
from calibration.store.record import Calibration, Device
from hil.config import RunConfig
from radio.device import Radio

log = logging.getLogger(__name__)
DEFAULT = "default"
OWN_AIR_SERIAL = "own-air"


def device_of(config: RunConfig, uri: str, role: str, user: int, hardware: str | None = None) -> Device:
    """A simulated radio has no serial number: its address and user stand for it."""
    transmits = role == "tx"
    return Device(
        serial=f"{uri}#{user}" if transmits else uri,
        hardware=hardware,
        role="tx" if transmits else "rx",
        center_frequency_hz=config.center_frequency_hz,
        sample_rate_hz=config.sample_rate_hz,
        gain_db=config.radio.tx_gain_db if transmits else config.radio.rx_gain_db,
    )


def with_calibration(radio: Radio, config: RunConfig, role: str, user: int = 0) -> CalibratedRadio:
    """The radio behind the newest calibration that fits; why others were refused goes to the log as warnings."""
    device = device_of(config, radio.uri, role, user, getattr(radio, "hardware", None))
    if config.radio.calibration is None:
        return CalibratedRadio(radio, _with_hardware_delay(Calibration.null(device), radio))
    chosen = config.radio.calibration
    folder = CalibrationFolder(default_folder() if chosen == DEFAULT else Path(chosen))
    calibration, refusals = folder.find(device)
    for sentence in refusals:
        log.warning(sentence)
    if calibration.is_null:
        log.warning("%s %s is not calibrated; `semnoma-hil calibrate` does it.", role, device.serial)
    return CalibratedRadio(radio, _with_hardware_delay(calibration, radio))


def _with_hardware_delay(calibration: Calibration, radio: Radio) -> Calibration:
    """The delay of this kind of radio, where a transmitter sends at ticks and nobody measured its own."""
    device = calibration.device
    if device.role != "tx" or calibration.delay is not None or not radio.capabilities.timed_transmit:
        return calibration
    driver = getattr(radio, "driver", None)
    entry = find_delay(kind_of(radio.uri, device.hardware), driver, device.sample_rate_hz)
    if entry is None or entry.delay is None:
        return calibration
    log.info("%s transmits %g samples earlier: %s", radio.uri, entry.delay.value, entry.origin)
    return calibration.model_copy(update={"delay": entry.delay})


def carrier_start_hz(calibration: Calibration) -> float:
    """Where a transmitter's carrier loop starts: the offset against the receiver that was measured, or 0."""
    offset = calibration.carrier_offset
    return 0.0 if offset is None else offset.value * 1e-6 * calibration.device.center_frequency_hz
