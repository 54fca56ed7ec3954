"""A codec with a refiner behind its decoders, as one scheme: CODEC+REFINER."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.evaluation.frames import Frame
from models.evaluation.learned import LearnedScheme
from models.refiner import open_refiner
from models.side_information import SideInformation


class RefinedScheme(LearnedScheme):
    """``LearnedScheme`` whose pictures are refined at the SNR of the frame, with the frame's captions where the refiner
    reads them; errors as those of both.
    """

    def __init__(self, codec: str, refiner: str, users: int, device: str = "auto") -> None:
        super().__init__(codec, users, device)
        self._refiner = open_refiner(refiner, device)
        self.name = f"{self.name}+{self._refiner.manifest.name}"
        self.refiner_passes = self._refiner.passes

    def finished(
        self, picture: NDArray[np.float32], frame: Frame, user: int, side: SideInformation
    ) -> NDArray[np.float32]:
        text = frame.captions[user] if frame.captions else ""
        return self._refiner.refine(picture, self._refiner.level_db(side, user), text=text)
