"""The section `bus` of a configuration."""

from pathlib import Path

from pydantic import Field, model_validator

from hil.section import Section
from radio.quantity import Seconds


class BusConfig(Section):
    """Where the coordinator listens, and how long silence is tolerated."""

    endpoint: str = Field(
        "tcp://127.0.0.1:5555", pattern=r"^tcp://[^/\s]+:\d{1,5}$", description="Where the coordinator listens."
    )
    keys: Path | None = Field(None, description="Folder made by `semnoma-hil keys`; demanded off loopback.")
    heartbeat_s: Seconds = Field(0.2, gt=0, le=60, description="Every node says so often that it lives.")
    node_timeout_s: Seconds = Field(5.0, gt=0, le=3600, description="A node silent for so long is lost.")
    join_timeout_s: Seconds = Field(60.0, gt=0, le=86400, description="How long silent nodes are waited for.")
    rejoin_timeout_s: Seconds = Field(
        40.0, gt=0, le=86400, description="How long a run that cannot go on waits for nodes that fell silent."
    )
    frame_timeout_s: Seconds = Field(60.0, gt=0, le=86400, description="A slot without an answer is given up.")

    @model_validator(mode="after")
    def _heartbeats_fit(self) -> "BusConfig":
        if self.node_timeout_s < 2 * self.heartbeat_s:
            raise ValueError(
                f"bus.node_timeout_s is {self.node_timeout_s} and must be at least twice bus.heartbeat_s "
                f"({self.heartbeat_s})"
            )
        return self
