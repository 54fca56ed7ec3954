"""A learned codec as a scheme."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from models.codecs.channel import transmit
from models.decoding.decoder import SemanticDecoder
from models.errors import ModelError
from models.evaluation.frames import Frame
from models.evaluation.scheme import Scheme
from models.package.zoo import codec_folder
from models.runtime.encoder import SemanticEncoder
from models.sharing import Sharing
from models.side_information import SideInformation


class LearnedScheme(Scheme):
    """An installed codec over the bare superposed channel, with perfect channel knowledge at both ends.

    name: the codec's, and for one that takes any number of symbols how its users share after an "@"
    (``Sharing.named``): "real-time@superposed:16".
    """

    link = "superposed"

    def __init__(self, name: str, users: int, device: str = "auto") -> None:
        codec, at, how = name.partition("@")
        folder, sharing = codec_folder(codec), Sharing.named(how) if at else None
        self._encoder = SemanticEncoder.load(folder, sharing=sharing)
        self._decoder = SemanticDecoder.load(folder, device, sharing)
        self.name = self._encoder.manifest.name + at + how
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
