"""A picture format over a digital link as a scheme."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from models.digital.capacity import fair_rates
from models.digital.formats import FORMATS
from models.digital.link import time_shared_bits
from models.digital.sources import Coded, best_within, code_picture
from models.errors import ModelError
from models.evaluation.frames import Frame
from models.evaluation.scheme import Scheme
from models.suggestion import did_you_mean

DIGITAL = "digital-"
CAPACITY = "-capacity"


class DigitalScheme(Scheme):
    """Each picture in the best quality that its user's share of the channel carries.

    ``capacity``: the share is the fair point of the multiple-access channel's capacity region, which no fair digital
    scheme exceeds; otherwise users take turns with measured 5G LDPC and QAM.
    """

    # Coding a picture in every quality takes longer than all else, and both links need it.
    _known: ClassVar[dict[tuple[str, tuple[int, ...], bytes], list[Coded]]] = {}

    def __init__(self, form: str, capacity: bool) -> None:
        if form not in FORMATS:
            guess = did_you_mean(form, FORMATS)
            raise ModelError(f"image format {form!r} is not known{guess}; known are {', '.join(FORMATS)}.")
        self._form, self._capacity = form, capacity
        self.name = DIGITAL + form + (CAPACITY if capacity else "")
        self.link = "capacity of the multiple-access channel (upper bound)" if capacity else "time-shared 5G LDPC + QAM"

    def natural_uses(self, height: int, width: int) -> None:
        return None

    def send(self, frame: Frame, snr_db: float, channel_uses: int) -> NDArray[np.uint8]:
        channel = frame.channel.numpy().astype(np.complex128)
        if self._capacity:
            bits = channel_uses * fair_rates(channel.transpose(1, 0, 2), snr_db)
        else:  # one user at a time: the antennas' maximum-ratio combination
            bits = time_shared_bits(np.linalg.norm(channel, axis=0), snr_db, channel_uses)
        return np.stack(
            [best_within(self._coded(p), float(b)).decode() for p, b in zip(frame.pictures, bits, strict=True)]
        )

    def _coded(self, pixels: NDArray[np.uint8]) -> list[Coded]:
        key = (self._form, pixels.shape, pixels.tobytes())
        if key not in self._known:
            self._known[key] = code_picture(pixels, self._form)
        return self._known[key]
