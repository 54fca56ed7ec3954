"""Pictures of a recording through its codec: what the transmitters made of them, and what became of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.bus.messages import CsiReport
from hil.config import RunConfig
from hil.results.metrics import psnr_db
from hil.session.burst.several import pictures_of
from hil.session.sharing import sharing_of, told
from hil.session.slot import Slot
from radio.waveform.burst.grid import ResourceGrid

if TYPE_CHECKING:  # one needs torch, the other ONNX Runtime; a machine may have neither
    from models.decoding.decoder import SemanticDecoder
    from models.runtime.encoder import SemanticEncoder


@dataclass(frozen=True)
class Pictures:
    """The recorded codec's two halves."""

    config: RunConfig
    encoder: "SemanticEncoder"
    decoder: "SemanticDecoder"

    @classmethod
    def load(cls, config: RunConfig) -> "Pictures | None":
        """None where torch or ONNX Runtime is missing. Raises ModelError for a codec that cannot be used."""
        try:
            from models.decoding.decoder import SemanticDecoder
            from models.runtime.encoder import SemanticEncoder
        except ImportError:
            return None
        from models.package.zoo import codec_folder

        folder = codec_folder(config.codec)
        decoder = SemanticDecoder.load(folder, config.compute_device, config.codec_sharing)
        return cls(config, SemanticEncoder.load(folder, sharing=config.codec_sharing), decoder)

    def encode(self, slot: Slot, user: int, csi: CsiReport | None) -> np.ndarray:
        """A user's original of the slot -> complex64 [k], with what a transmitter knew, shared as it was granted."""
        sharing = sharing_of(slot.grant, self.config)
        side = told(self.encoder, csi, self.config.users, sharing)
        originals = slot.originals[user]
        pictures = originals if slot.grant.pictures > 1 else [originals]
        return np.concatenate([self.encoder.encode(one, user, side, sharing) for one in pictures])

    def powers(self, slot: Slot) -> np.ndarray | None:
        """With what power each user sends the parts of its payload (see `BurstReceiver.receive`)."""
        if self.decoder.sharing is None:
            return None
        return sharing_of(slot.grant, self.config).powers(self.config.users, self.decoder.all_channels)

    def score(self, slot: Slot, user: int) -> float | None:
        """PSNR of a user's picture in dB, the mean of several; None when none could be decoded or has an original."""
        scores = [self._score(one, user) for one in pictures_of(slot, ResourceGrid(self.config.waveform))]
        known = [score for score in scores if score is not None]
        return float(np.mean(known)) if known else None

    def _score(self, slot: Slot, user: int) -> float | None:
        from hil.decoding.pictures import to_pixels
        from hil.decoding.undecodable import undecodable

        original = slot.originals.get(user)
        found = next((u for u in slot.received.users if u.user == user), None) if slot.received else None
        if original is None or not original.size or undecodable(self.decoder, slot, user, found) is not None:
            return None
        assert found is not None and found.header is not None
        sharing = sharing_of(slot.grant, self.config)
        side = told(self.decoder, slot.csi, self.config.users, sharing)
        size = found.header.height, found.header.width
        picture = self.decoder.decode_float(found.features, user, side, *size, sharing)
        received = to_pixels(picture)
        return psnr_db(original, received) if received.shape == original.shape else None
