"""One half of an adaptive codec taught by another codec, so that it works with the other half of that codec.

A taught encoder learns to send the teacher's symbols and meets the teacher's decoder; a taught decoder learns to give
the teacher's pictures of what the teacher's encoder sends. Whoever has the teacher needs nothing new.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from models.codecs.adaptive import AdaptiveCodec
from models.errors import ModelError
from models.export.codec_folder import FORESIGHT_NAME
from models.export.onnx_weights import load_onnx_weights
from models.training.adaptive.channel import AdaptiveFrame, as_complex, normalised, shares_of
from models.training.codec.warm_start import load_torch_codec

SAME = ("latent_channels", "reserve_channels")


class Teacher:
    """The frozen codec of ``folder``. Raises ModelError when it is not adaptive."""

    def __init__(self, folder: Path, taught: Literal["encoder", "decoder"], device: torch.device) -> None:
        codec = load_torch_codec(folder)
        if not isinstance(codec, AdaptiveCodec):
            raise ModelError(f"{folder} cannot teach an adaptive codec, because it is not one.")
        if not (folder / FORESIGHT_NAME).is_file():
            raise ModelError(f"{folder} cannot teach, because it has no {FORESIGHT_NAME}.")
        load_onnx_weights(codec.foresight, folder / FORESIGHT_NAME)
        self.codec = codec.eval().requires_grad_(False).to(device)
        self.taught = taught

    def lend(self, student: AdaptiveCodec) -> None:
        """Put what is not taught, frozen, into the student. ModelError unless both have the same latent, and the
        student's other half is of the teacher's size.
        """
        for name in SAME:
            own, wanted = getattr(student.arguments, name), getattr(self.codec.arguments, name)
            if own != wanted:
                raise ModelError(f"{name} is the teacher's, {wanted}, in a codec that is taught, but is {own}.")
        lent = "decoder" if self.taught == "encoder" else "encoder"
        for part in (lent, "foresight"):
            target, source = getattr(student, part), getattr(self.codec, part)
            try:
                target.load_state_dict(source.state_dict())
            except RuntimeError as error:
                raise ModelError(f"the {part} is the teacher's, so its widths and blocks must be, too.") from error
            target.requires_grad_(False)

    def lesson(self, images: Tensor, latent: Tensor, seen: Tensor, decoded: Tensor, frame: AdaptiveFrame) -> Tensor:
        """A scalar: mean squared difference of the sent symbols, of unit mean power, from the teacher's; or that of
        the pictures float [B, 3, H, W] in its place where the decoder is taught.
        """
        if self.taught == "decoder":
            with torch.no_grad():
                wanted = self.codec.decoder(seen, frame.decoder_side.to(seen.device))
            return (decoded.float() - wanted.float()).square().mean()
        shares = shares_of(frame, self.codec.arguments.latent_channels // 2).to(images.device)
        with torch.no_grad():
            target = self.codec.encoder(images, None, frame.encoder_side.to(images.device), shares)
        return symbol_error(latent, target, frame.counts.to(images.device))


def symbol_error(latent: Tensor, target: Tensor, counts: Tensor) -> Tensor:
    """Mean |s - t|^2 over the sent symbols, each picture's at unit mean power: latents float [B, 2C, h, w], counts int
    [B, h, w] -> scalar.
    """
    channels = torch.arange(latent.shape[1] // 2, device=latent.device)
    sent = channels[None, :, None, None] < counts[:, None]
    own, wanted = (normalised(as_complex(one.float()) * sent, sent) for one in (latent, target))
    return (own - wanted).abs().square().sum() / sent.sum()
