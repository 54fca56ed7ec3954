"""The section `video` of a configuration."""

from typing import Literal

from pydantic import Field, model_validator

from hil.section import Section
from radio.quantity import Seconds


class VideoConfig(Section):
    """Pictures that come by themselves: what each user sends of them, and what the receiver keeps."""

    sources: tuple[str, ...] = Field(
        (), description="Each user's video file, camera:/dev/videoN, folder of frames or '-'; one is everybody's."
    )
    size: str = Field(
        "256x256", pattern=r"^\d{1,4}x\d{1,4}$", description="Width and height that pictures are sent in."
    )
    fit: Literal["crop", "pad", "stretch"] = Field(
        "crop", description="What becomes of a picture of another shape: cut off, black bars, distorted."
    )
    rate_fps: float | None = Field(
        None, gt=0, le=1000, description="Pictures a second, at most; null: as the source has them (folders: 10)."
    )
    late: Literal["drop", "queue"] = Field(
        "drop", description="Pictures that are not sent when the next is there: dropped, or sent later."
    )
    raw: str | None = Field(
        None,
        pattern=r"^[a-z0-9]+,\d{1,5}x\d{1,5},\d+(\.\d+)?$",
        description="Form of the raw frames in pipes and files named .raw, .rgb or .yuv, as in rgb24,320x240,30 "
        "(FFmpeg's pixel format, size, rate).",
    )
    silence_s: Seconds = Field(
        5.0, gt=0, le=3600, description="A camera or pipe without a picture for so long is gone."
    )
    record: Literal["received", "side-by-side", "off"] = Field(
        "received", description="What the receiver keeps of each user as MP4."
    )
    pictures_every: int = Field(
        10, ge=1, description="Of a video every so many frames are kept as PNG, with their diagnostics."
    )

    @model_validator(mode="after")
    def _a_size(self) -> "VideoConfig":
        if min(self.width, self.height) < 8:
            raise ValueError(f"video.size is {self.size} and must be at least 8x8")
        return self

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.size.partition("x")[0])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.size.partition("x")[2])
