"""What can be compared, behind one call: a frame in, decoded pictures out."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from models.evaluation.frames import Frame


class Scheme(ABC):
    """name: as it stands in the rows; link: what carries the bits or symbols, in words; refiner_passes: network passes
    of refinement a picture, 0 without.
    """

    name: str
    link: str
    refiner_passes: int = 0

    @abstractmethod
    def natural_uses(self, height: int, width: int) -> int | None:
        """Channel uses that a picture of this size takes, or None when any number will do."""

    @abstractmethod
    def send(self, frame: Frame, snr_db: float, channel_uses: int) -> NDArray[np.uint8]:
        """uint8 [users, H, W, 3]: what the receiver shows for every user of the frame."""
