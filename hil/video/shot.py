"""One picture of a source, before it has the session's size, and what every source of them does."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class SourceBroken(Exception):
    """A source gives no more pictures, and why, in a sentence's words."""


@dataclass(frozen=True)
class Shot:
    """pixels: uint8 [H, W, 3], upright; pixel_aspect: width of a pixel over its height; position_s: when it is shown,
    from the source's first picture on; arrived_s: monotonic, when this process had it, for cameras when it was taken;
    number: of the picture in its source, from 0.
    """

    pixels: np.ndarray
    pixel_aspect: float
    position_s: float
    arrived_s: float
    number: int


class Source(Protocol):
    """name: for people and image ids. kind: "camera", whose pictures come when they come; "pipe", which somebody
    writes to, maybe in time; "file", which is there.
    """

    name: str
    kind: str

    def shots(self) -> Iterator[Shot]:
        """Every picture once, in order. Raises SourceBroken."""
        ...

    def expected_pictures(self) -> float | None:
        """About how many there are; None where nobody knows."""
        ...

    def close(self) -> None: ...
