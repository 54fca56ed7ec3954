"""The sections `feedback` and `control` of a configuration: what the receiver's measurements change at transmitters."""

from pydantic import Field

from hil.section import Section
from radio.quantity import Decibels, Hertz


class FeedbackConfig(Section):
    """What the receiver's measurements are used for at the transmitters."""

    csi: bool = Field(True, description="Encoders adapt to the last CSI.")
    carrier: bool = Field(True, description="Transmitters pre-correct their carriers.")
    probe_slots: int = Field(3, ge=0, le=100, description="Sounding bursts before the first picture.")
    slots_ahead: int = Field(
        0,
        ge=0,
        le=2,
        description="Slots granted ahead of the last report, on a free-running air: CSI is older.",
    )
    csi_delay_slots: int = Field(0, ge=0, le=64, description="Encoders see CSI that is older by so many slots.")
    csi_bits: int | None = Field(None, ge=1, le=16, description="Bits of each gain, phase and SNR; null is exact.")
    csi_prediction: bool = Field(False, description="Encoders predict the gains of a moving channel from past CSI.")
    csi_doppler_hz: Hertz = Field(10.0, ge=0, le=1e5, description="Largest Doppler shift that prediction assumes.")


class ControlConfig(Section):
    """Loops that the coordinator closes over the bus; the carrier's is `feedback.carrier`."""

    timing: bool = Field(False, description="Bursts leave earlier by what they arrive late; radios with timed bursts.")
    power: bool = Field(False, description="Transmit gains go down until users arrive in the wanted ratio.")
    wanted_power_db: tuple[Decibels, ...] = Field(
        (), description="Received power wanted of each user; only differences count. Empty: all equal."
    )
    power_range_db: Decibels = Field(30.0, gt=0, le=90, description="How far a transmit gain may go down.")
