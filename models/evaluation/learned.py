"""A learned codec as a scheme."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.choice.sharing_choice import Prediction, SharingChooser, best_of
from models.decoding.decoder import SemanticDecoder
from models.errors import ModelError
from models.evaluation.frames import Frame
from models.evaluation.scheme import Scheme
from models.package.zoo import codec_folder
from models.rate.prefix import MapLost
from models.runtime.encoder import SemanticEncoder
from models.separation import separated, sinr_of_users
from models.sharing import AUTO, Sharing, summaries
from models.side_information import SideInformation

LOST = 128 / 255  # grey, in the place of a picture that cannot be decoded
CHOICE_PLACES = 128  # of a payload in a selective channel, by which its sharing is chosen


@dataclass(frozen=True)
class Heard:
    """views: complex64 [users, k], each user's of a frame; side: what the receiver knows of the channel; sharing: of
    the users, None where the codec learned it.
    """

    views: NDArray[np.complex64]
    side: SideInformation
    sharing: Sharing | None


class LearnedScheme(Scheme):
    """An installed codec over the bare superposed channel, with perfect channel knowledge at both ends.

    name: the codec's, and for one that takes any number of symbols how its users share after an "@"
    (``Sharing.named``, or "auto" for what the channel of each frame makes best): "real-time@superposed:16". The
    receiver separates users by LMMSE on all its antennas, knowing what each of them sends where. session_users: how
    many of the users that the codec serves there are.
    """

    def __init__(self, name: str, users: int, device: str = "auto") -> None:
        codec, at, how = name.partition("@")
        form, colon, channels = how.partition(":")
        self._auto = form == AUTO
        self.session_users = users
        folder = codec_folder(codec)
        sharing = Sharing.named(("parted" if self._auto else form) + colon + channels) if at else None
        self._encoder = SemanticEncoder.load(folder, sharing=sharing)
        self._decoder = SemanticDecoder.load(folder, device, sharing)
        self.name = self._encoder.manifest.name + at + how
        self.link = "superposed" if self._encoder.sharing is None else how or "parted"
        if users > self._encoder.users:
            raise ModelError(f"codec {self.name} serves {self._encoder.users} users, but {users} are asked for.")
        if self._auto:
            self._chooser = SharingChooser.of(self._encoder.manifest, users, sharing.channels if sharing else None)

    def natural_uses(self, height: int, width: int) -> int:
        return self._encoder.channel_uses(height, width)

    @property
    def channels(self) -> int:
        """Complex channels of a latent position that all users share."""
        return self.natural_uses(self._encoder.manifest.stride, self._encoder.manifest.stride)

    @property
    def decoder(self) -> SemanticDecoder:
        """The receiver's half."""
        return self._decoder

    @property
    def users(self) -> int:
        """Users that the codec serves."""
        return self._encoder.users

    def send(self, frame: Frame, snr_db: float, channel_uses: int) -> NDArray[np.uint8]:
        pictures = self.send_float(frame, snr_db)
        return np.rint(pictures.transpose(0, 2, 3, 1) * 255).astype(np.uint8)

    def predictions(self, frame: Frame, snr_db: float) -> list[Prediction]:
        """What every way of sharing promises for the frame's channel; [] for a scheme whose way is set."""
        if not self._auto:
            return []
        gains, noise_power = _received(frame, snr_db)
        return self._chooser.predictions(gains[:, :, :: max(1, gains.shape[2] // CHOICE_PLACES)], noise_power)

    def send_float(self, frame: Frame, snr_db: float) -> NDArray[np.float32]:
        """float32 [users, 3, H, W] in [0, 1], before rounding to 8 bits."""
        found = self.predictions(frame, snr_db)
        return self.send_as(frame, snr_db, best_of(found).sharing if found else self._encoder.sharing)

    def send_as(self, frame: Frame, snr_db: float, sharing: Sharing | None) -> NDArray[np.float32]:
        """`send_float` with a way of sharing; None: as the codec learned it."""
        heard, (height, width) = self.heard_as(frame, snr_db, sharing), frame.pictures.shape[1:3]
        shown = np.full((len(heard.views), 3, height, width), LOST, np.float32)
        for user, view in enumerate(heard.views):
            with contextlib.suppress(MapLost):
                picture = self._decoder.decode_float(view, user, heard.side, height, width, sharing)
                shown[user] = self.finished(picture, frame, user, heard.side)
        return shown

    def heard(self, frame: Frame, snr_db: float) -> Heard:
        """What the decoders are given of a frame."""
        found = self.predictions(frame, snr_db)
        return self.heard_as(frame, snr_db, best_of(found).sharing if found else self._encoder.sharing)

    def heard_as(self, frame: Frame, snr_db: float, sharing: Sharing | None) -> Heard:
        """`heard` with a way of sharing; None: as the codec learned it."""
        users = len(frame.pictures)
        gains, noise_power = _received(frame, snr_db)
        side = _side(frame, snr_db)
        powers = np.ones((users, 1))
        if sharing is not None:
            powers = sharing.powers(users, self._encoder.all_channels)
            sinr_db, spread_db = summaries(sinr_of_users(gains, powers, noise_power))
            side = SideInformation(side.snr_db, side.gains, side.phases_rad, sinr_db, spread_db)
        symbols = np.stack([self._encoder.encode(frame.pictures[u], u, side, sharing) for u in range(users)])
        received = np.einsum("uak,uk->ak", np.broadcast_to(gains, (*gains.shape[:2], symbols.shape[1])), symbols)
        noise = torch.randn(received.shape, dtype=torch.complex64, generator=_seeded(frame.noise_seed)).numpy()
        views, _ = separated(received + noise * np.sqrt(noise_power), gains, powers, noise_power)
        return Heard(views, side, sharing)

    def finished(
        self, picture: NDArray[np.float32], frame: Frame, user: int, side: SideInformation
    ) -> NDArray[np.float32]:
        """What is shown of a decoded picture float32 [3, H, W]: itself."""
        return picture


def _received(frame: Frame, snr_db: float) -> tuple[NDArray[np.complex128], float]:
    """Gains complex128 [users, antennas, n] of unit-power symbols, and the noise power of an antenna."""
    channel = frame.channel.numpy().astype(np.complex128)
    return channel.transpose(1, 0, 2) / np.sqrt(channel.shape[1]), 10 ** (-snr_db / 10)


def _side(frame: Frame, snr_db: float) -> SideInformation:
    """What codecs that learned one way of sharing are told: root mean square gains over antennas and symbols."""
    channel = frame.channel.numpy().astype(np.complex128)
    gains = np.sqrt(np.mean(np.square(np.abs(channel)), axis=(0, 2)))
    return SideInformation(snr_db, gains, np.angle(channel.mean(axis=(0, 2))))


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
