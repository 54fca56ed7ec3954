"""Pictures through an adaptive codec and a drawn channel, as refiners are trained on them."""

from __future__ import annotations

import torch
from torch import Tensor

from models.codecs.adaptive import AdaptiveCodec
from models.side_information import SNR_SCALE_DB
from models.training.adaptive.channel import draw_adaptive_frame, pass_channel
from models.training.config import AdaptiveChannel


@torch.no_grad()
def sent_through(
    codec: AdaptiveCodec, originals: Tensor, channel: AdaptiveChannel, generator: torch.Generator, precision: str
) -> tuple[Tensor, Tensor]:
    """float [B, 3, H, W] in [0, 1], sides multiples of 8 -> decoded in 8 bits, the same shape, and float [B], the SINR
    in dB that the receiver believes. precision: "bf16" for faster networks.
    """
    device = originals.device
    stride, channels = codec.arguments.stride, codec.arguments.latent_channels // 2
    shape = (len(originals), originals.shape[2] // stride, originals.shape[3] // stride)
    frame = draw_adaptive_frame(channel, codec.arguments, shape, generator)
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        latent = codec.encoder(originals, None, frame.encoder_side.to(device))
        seen = pass_channel(latent, frame, channels, generator)
        decoded = codec.decoder(seen, frame.decoder_side.to(device)).float().clamp(0, 1)
    return (decoded * 255).round() / 255, SNR_SCALE_DB * frame.decoder_side[:, 0]
