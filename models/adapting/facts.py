"""What somebody who brings a codec says about it, and what was found by running it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from models.errors import ModelError
from models.faults import Faults, read
from models.package.file_entry import Strict
from models.side_information import FIELDS

Symbols = Literal["halves", "channel-pairs", "flat-pairs"]
POINT_TO_POINT_FIELDS = ("snr_db", "snr_db_over_20", "sinr_db", "sinr_db_over_20")


class CodecFacts(Strict):
    """What `describe` of an adapter or the command line says.

    symbols: which reals of the latent [1, M, h, w] are one complex symbol. "halves": channels c and c + M/2 at a
    position; "channel-pairs": channels 2c and 2c + 1; "flat-pairs": neighbours of the flattened latent. learned: the
    networks were trained for superposed users and share as they learned it; otherwise the code is point-to-point, and
    `users` send it on parts of the payload of their own. stride, latent_channels: measured where None, else compared.
    side_information: what both networks read, in order.
    """

    name: str = Field("own", pattern=r"^[A-Za-z0-9._-]+$")
    version: str = "1"
    licence: str = "not stated"
    users: int = Field(2, ge=1, le=8)
    learned: bool = False
    symbols: Symbols = "halves"
    side_information: list[str] = Field(default_factory=list)
    stride: int | None = Field(None, ge=1, le=256)
    latent_channels: int | None = Field(None, ge=2, multiple_of=2)
    data: str = "not stated"
    note: str = ""

    @field_validator("side_information")
    @classmethod
    def _known(cls, fields: list[str]) -> list[str]:
        unknown = [name for name in fields if name not in FIELDS]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not one of {', '.join(FIELDS)}")
        return fields


def facts_of(said: dict[str, Any], source: str) -> CodecFacts:
    """The facts; ModelError with a sentence that names ``source`` and all that is wrong."""
    try:
        facts = read(CodecFacts, said)
    except Faults as faults:
        raise ModelError(faults.of(f"{source} says of the codec")) from None
    unfit = [name for name in facts.side_information if name not in POINT_TO_POINT_FIELDS]
    if unfit and not facts.learned:
        raise ModelError(
            f"{source}: a point-to-point code is told {', '.join(POINT_TO_POINT_FIELDS)}, not {unfit[0]}; "
            "codecs that were trained for superposed users say learned."
        )
    return facts
