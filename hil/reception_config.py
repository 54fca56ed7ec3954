"""The `rx` section: what the receiver keeps beside its results, and how it receives."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from hil.section import Section


class ReceptionConfig(Section):
    """What the receiver keeps beside its results."""

    record: Path | None = Field(None, description="SigMF recording of every slot, e.g. run1/capture.sigmf-meta.")
    capture: tuple[Literal["iq", "csi", "truth"], ...] = Field(
        (),
        description="What of every slot goes into RUN/capture.h5: samples, channel estimates and separated symbols, "
        "and what is true of the simulated air and was sent. Empty: no such file.",
    )
    ideal: bool = Field(True, description="Also decode what an ideal receiver would have; twice the decoding.")
    mirrored: bool = Field(False, description="Turn the received spectrum about the carrier: I and Q are swapped.")
    remember_delays: bool = Field(
        True, description="Channels of one path are measured with the arrivals of earlier bursts in mind."
    )
