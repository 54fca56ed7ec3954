"""Pictures as one modality of those that a receiver knows."""

from collections.abc import Sequence

import numpy as np

from hil.results.metrics import psnr_db
from models.decoding.decoder import SemanticDecoder
from models.sharing import Sharing
from models.side_information import SideInformation

GREY = 128  # level of the picture that stands for a lost one in means over all pictures sent


class ReceivedPictures:
    """The receiving half of pictures; the sending one is `models.runtime.encoder.SemanticEncoder`."""

    name, score_name, score_unit = "picture", "PSNR", "dB"
    header_kind = "image"
    refined = True

    def __init__(self, decoder: SemanticDecoder) -> None:
        self._decoder = decoder

    @property
    def sharing(self) -> Sharing | None:
        return self._decoder.sharing

    @property
    def all_channels(self) -> int:
        return self._decoder.all_channels

    def channel_uses(self, height: int, width: int, sharing: Sharing | None = None) -> int:
        """k of a picture of so many pixels; sharing: of a frame, where it is not the run's."""
        return self._decoder.channel_uses(height, width, sharing)

    def decode(
        self,
        features: np.ndarray,
        user: int,
        side: SideInformation,
        height: int,
        width: int,
        sharing: Sharing | None = None,
    ) -> np.ndarray:
        """float32 [3, H, W] in [0, 1], which a refiner takes too."""
        return self._decoder.decode_float(features, user, side, height, width, sharing)

    def decode_all(
        self,
        features: Sequence[np.ndarray],
        user: int,
        sides: Sequence[SideInformation],
        height: int,
        width: int,
        sharing: Sharing | None = None,
    ) -> list[np.ndarray]:
        """Several pictures of one size, each as `decode`."""
        return list(self._decoder.decode_all(features, user, sides, height, width, sharing))

    def finish(self, decoded: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3]."""
        return to_pixels(decoded)

    def score(self, sent: np.ndarray, received: np.ndarray) -> float | None:
        """PSNR in dB."""
        return psnr_db(sent, received) if sent.size and sent.shape == received.shape else None

    def lost(self, sent: np.ndarray) -> np.ndarray:
        """A lost picture is grey to its viewer."""
        return np.full_like(sent, GREY)

    def show(self, values: np.ndarray) -> np.ndarray:
        return values


def to_pixels(picture: np.ndarray) -> np.ndarray:
    """float32 [3, H, W] in [0, 1] -> uint8 [H, W, 3], rounded."""
    return np.rint(np.clip(picture, 0, 1).transpose(1, 2, 0) * 255).astype(np.uint8)
