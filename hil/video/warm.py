"""A network's first picture takes far longer than its others: nobody should wait for it in the middle of a video."""

from typing import Any

import numpy as np

from hil.config import RunConfig
from hil.session.sharing import told


def warm_encoder(encoder: Any, config: RunConfig, user: int) -> None:
    """encoder: a `SemanticEncoder`."""
    black = np.zeros((config.video.height, config.video.width, 3), np.uint8)
    sharing = config.codec_sharing
    encoder.encode(black, user, told(encoder, None, config.users, sharing), sharing)


def warm_decoder(decoder: Any, config: RunConfig) -> None:
    """decoder: a `SemanticDecoder`; its type would bring torch to where this room is."""
    height, width, sharing = config.video.height, config.video.width, config.codec_sharing
    side = told(decoder, None, config.users, sharing)
    for user in range(config.users):
        nothing = np.zeros(decoder.channel_uses(height, width), np.complex64)
        decoder.decode_float(nothing, user, side, height, width, sharing)
