"""The section `burst` of a configuration."""

from typing import Annotated, Literal

from pydantic import Field

from hil.section import Section
from radio.waveform.burst.header import MOST_PICTURES


class BurstConfig(Section):
    """How much of the air is not payload."""

    pictures: Annotated[int, Field(ge=1, le=MOST_PICTURES)] | Literal["auto"] = Field(
        1,
        description="Pictures of every user in one burst, at most; auto: as many as burst.overhead needs. They share "
        "one fade, and are lost together.",
    )
    short_training: bool = Field(
        False,
        description="Less preamble, sounding and header while all users are found with an SNR that leaves room for it.",
    )
    overhead: float = Field(
        0.15, ge=0.01, le=0.99, description="Largest share of a burst for preamble, training and header, for auto."
    )
