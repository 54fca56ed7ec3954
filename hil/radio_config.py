"""The section `radio` of a configuration."""

from pydantic import Field

from hil.section import Section
from radio.quantity import Decibels, Hertz, Seconds


class RadioConfig(Section):
    """The radio of this node and the levels it is driven at."""

    device: str = Field("sim:tcp://127.0.0.1:5600", description="URI, or sim, pluto, usrp.")
    transmitters: tuple[str, ...] = Field((), description="URI of each user's transmitter, where they differ.")
    tx_amplitude: float = Field(
        0.25, gt=0, le=1, description="Full-scale factor: one channel use of unit power has this amplitude."
    )
    calibration: str | None = Field(
        None, description="Folder of `semnoma-hil calibrate`, 'default' for the user's own; null: uncalibrated."
    )
    tx_gain_db: Decibels | None = Field(None, description="In the device's own dB; null leaves the device's value.")
    rx_gain_db: Decibels | None = Field(None, description="In the device's own dB; null leaves the device's value.")
    bandwidth_hz: Hertz | None = Field(None, gt=0, description="Analogue filter; null leaves the device's value.")
    guard_samples: int = Field(512, ge=64, le=1 << 20, description="Silence before and after a burst.")
    settle_s: Seconds = Field(0.5, ge=0, description="What repeating radios hold in their buffers, in time.")
    lead_s: Seconds = Field(0.5, ge=0, description="Head start of a transmission on a radio in real time.")
