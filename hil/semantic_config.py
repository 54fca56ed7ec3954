"""The section `semantic` of a configuration."""

from typing import Literal

from pydantic import Field

from hil.section import Section
from radio.quantity import Decibels

PICTURES = "pictures"  # the mode in which nothing is generated
LEAST_CHANNELS, CHANNELS_OF_A_USER = 4, 2


class SemanticConfig(Section):
    """When pictures are generated from words and a coarse code, and what is told of pictures beside them."""

    mode: Literal["pictures", "semantic", "auto"] = Field(
        "pictures",
        description="Pictures as they are, or words and a coarse code from which the receiver generates them; auto: "
        "those below below_db.",
    )
    below_db: Decibels = Field(
        0.0, ge=-30, le=60, description="With auto pictures are generated where the measured SNR is lower."
    )
    hysteresis_db: Decibels = Field(
        2.0, ge=0, le=30, description="And sent as they are again when it is higher than below_db by so much."
    )
    channels: int | None = Field(
        None,
        ge=1,
        description="Complex channels a latent position of the coarse code's payload; null: two for each user, at "
        "least four.",
    )
    task: str | None = Field(
        None, description="Name of a packaged task, or its folder: the receiver names pictures from their symbols too."
    )

    def payload_channels(self, users: int) -> int:
        """Complex channels of a coarse code's payload."""
        return self.channels or max(LEAST_CHANNELS, CHANNELS_OF_A_USER * users)

    def fault(self, users: int, other: str | None, cancel: bool) -> str | None:
        """What is wrong with it in a run, in a sentence; other: a modality beside pictures."""
        if self.mode == PICTURES:
            return None
        if other is not None:
            return f"semantic.mode {self.mode} is of pictures; it cannot be had in a run with the modality {other}"
        if cancel:
            return f"semantic.mode {self.mode} cannot be had with cancel: a generated picture is not what was sent"
        if self.payload_channels(users) < users:
            return f"semantic.channels is {self.channels}, but {users} users need one each"
        return None
