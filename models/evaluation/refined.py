"""A codec with a refiner behind its decoders, as one scheme: CODEC+REFINER."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.evaluation.frames import Frame
from models.evaluation.learned import LearnedScheme
from models.package.zoo import refiner_folder
from models.refiner import Refiner


class RefinedScheme(LearnedScheme):
    """``LearnedScheme`` whose pictures are refined at the SNR of the frame; errors as those of both."""

    def __init__(self, codec: str, refiner: str, users: int, device: str = "auto") -> None:
        super().__init__(codec, users, device)
        self._refiner = Refiner.load(refiner_folder(refiner), device)
        self.name = f"{self.name}+{self._refiner.manifest.name}"
        self.refiner_passes = self._refiner.passes

    def send_float(self, frame: Frame, snr_db: float) -> NDArray[np.float32]:
        return np.stack([self._refiner.refine(picture, snr_db) for picture in super().send_float(frame, snr_db)])
