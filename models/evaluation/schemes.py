"""The schemes that can be compared, behind one call: a frame in, decoded pictures out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from models.channel import transmit
from models.decoder import SemanticDecoder
from models.digital.capacity import fair_rates
from models.digital.formats import FORMATS
from models.digital.link import time_shared_bits
from models.digital.sources import Coded, best_within, code_picture
from models.errors import ModelError
from models.evaluation.frames import Frame
from models.runtime import SemanticEncoder
from models.side_information import SideInformation
from models.zoo import codec_folder

DIGITAL = "digital-"
CAPACITY = "-capacity"


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


class LearnedScheme(Scheme):
    """An installed codec over the bare superposed channel, with perfect channel knowledge at both ends."""

    link = "superposed"

    def __init__(self, name: str, users: int, device: str = "auto") -> None:
        folder = codec_folder(name)
        self._encoder, self._decoder = SemanticEncoder.load(folder), SemanticDecoder.load(folder, device)
        self.name = self._encoder.manifest.name
        if users > self._encoder.users:
            raise ModelError(f"codec {self.name} serves {self._encoder.users} users, but {users} are asked for.")

    def natural_uses(self, height: int, width: int) -> int:
        return self._encoder.channel_uses(height, width)

    @property
    def users(self) -> int:
        """Users that the codec serves."""
        return self._encoder.users

    def send(self, frame: Frame, snr_db: float, channel_uses: int) -> NDArray[np.uint8]:
        pictures = self.send_float(frame, snr_db)
        return np.rint(pictures.transpose(0, 2, 3, 1) * 255).astype(np.uint8)

    def send_float(self, frame: Frame, snr_db: float) -> NDArray[np.float32]:
        """float32 [users, 3, H, W] in [0, 1], before rounding to 8 bits."""
        users, height, width = frame.pictures.shape[:3]
        gains = frame.channel.abs().square().mean(dim=1).sqrt().numpy()
        phases = frame.channel.mean(dim=1).angle().numpy()
        side = SideInformation(snr_db, gains, phases)
        symbols = np.stack([self._encoder.encode(frame.pictures[user], user, side) for user in range(users)])
        received = transmit(
            torch.from_numpy(symbols)[None],
            frame.channel[None],
            torch.tensor([float(snr_db)]),
            generator=torch.Generator().manual_seed(frame.noise_seed),
        )
        views = received.features[0].numpy()
        return np.stack([self._decoder.decode_float(views[user], user, side, height, width) for user in range(users)])


class DigitalScheme(Scheme):
    """Each picture in the best quality that its user's share of the channel carries.

    ``capacity``: the share is the fair point of the multiple-access channel's capacity region, which no fair digital
    scheme exceeds; otherwise users take turns with measured 5G LDPC and QAM.
    """

    # Coding a picture in every quality takes longer than all else, and both links need it.
    _known: ClassVar[dict[tuple[str, tuple[int, ...], bytes], list[Coded]]] = {}

    def __init__(self, form: str, capacity: bool) -> None:
        if form not in FORMATS:
            raise ModelError(f"image format {form!r} is not known; known are {', '.join(FORMATS)}.")
        self._form, self._capacity = form, capacity
        self.name = DIGITAL + form + (CAPACITY if capacity else "")
        self.link = "capacity of the multiple-access channel (upper bound)" if capacity else "time-shared 5G LDPC + QAM"

    def natural_uses(self, height: int, width: int) -> None:
        return None

    def send(self, frame: Frame, snr_db: float, channel_uses: int) -> NDArray[np.uint8]:
        gains = frame.channel.abs().double().numpy()
        if self._capacity:
            bits = channel_uses * fair_rates(gains, snr_db)
        else:
            bits = time_shared_bits(gains, snr_db, channel_uses)
        return np.stack(
            [best_within(self._coded(p), float(b)).decode() for p, b in zip(frame.pictures, bits, strict=True)]
        )

    def _coded(self, pixels: NDArray[np.uint8]) -> list[Coded]:
        key = (self._form, pixels.shape, pixels.tobytes())
        if key not in self._known:
            self._known[key] = code_picture(pixels, self._form)
        return self._known[key]


def open_scheme(name: str, users: int, device: str = "auto") -> Scheme:
    """A scheme by name: an installed codec or its folder, CODEC+REFINER, or digital-FORMAT[-capacity].

    ModelError when it is unknown.
    """
    if name.startswith(DIGITAL):
        form = name.removeprefix(DIGITAL)
        return DigitalScheme(form.removesuffix(CAPACITY), form.endswith(CAPACITY))
    codec, plus, refiner = name.partition("+")
    if plus:
        from models.evaluation.refined import RefinedScheme

        return RefinedScheme(codec, refiner, users, device)
    return LearnedScheme(name, users, device)
