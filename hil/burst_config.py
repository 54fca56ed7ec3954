"""The section `burst` of a configuration."""

from typing import Any, Literal

from pydantic import Field, field_validator

from hil.section import Section
from models.faults import short_value
from radio.waveform.config import MOST_PICTURES


class BurstConfig(Section):
    """How much of the air is not payload."""

    pictures: int | Literal["auto"] = Field(
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

    @field_validator("pictures", mode="before")
    @classmethod
    def _a_number_or_auto(cls, value: Any) -> Any:
        number = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_PICTURES
        if value != "auto" and not number:
            given = short_value(value)
            raise ValueError(f"burst.pictures is {given} and must be a number from 1 to {MOST_PICTURES}, or auto")
        return value
