"""What a pair of ONNX networks does when it is run: stride, channels, power of the symbols, and pictures back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.adapting.facts import CodecFacts
from models.errors import ModelError
from models.images import open_images
from models.runtime.encoder import open_session, run_session

STEADY = 0.02  # by which the power may differ between pictures of a codec that normalises it
SIDE_PX = 128
TOLD_SNR_DB = 20.0  # about the highest that networks are trained for
_SIZES = ((64, 64), (64, 128), (128, 192))


@dataclass(frozen=True)
class Found:
    """stride in pixels; latent_channels: M reals a position. power: least and greatest mean |x|^2 of a complex symbol
    over pictures. clean_psnr_db: mean PSNR of pictures decoded from the latents themselves, without channel.
    """

    stride: int
    latent_channels: int
    power: tuple[float, float]
    clean_psnr_db: float

    @property
    def normalises(self) -> bool:
        """Whether the encoder gives every picture the same power."""
        return self.power[1] <= self.power[0] * (1 + STEADY)

    @property
    def symbol_power(self) -> float:
        """What the decoder expects: the encoder's power, or 1 where that depends on the picture."""
        return math.sqrt(self.power[0] * self.power[1]) if self.normalises else 1.0


def probe(encoder: Path, decoder: Path, facts: CodecFacts) -> Found:
    """Run user 0's networks on the packaged pictures. ModelError when shapes, values or ``facts`` do not agree."""
    sending, receiving = open_session(encoder), open_session(decoder)
    stride, channels = _shape(sending, facts)
    for name, said, measured in (
        ("stride", facts.stride, stride),
        ("latent_channels", facts.latent_channels, channels),
    ):
        if said not in (None, measured):
            raise ModelError(f"the codec is said to have {name} {said}, but its encoder gives {measured}.")
    powers, psnrs_db = [], []
    for picture in open_images("demo", max_side_px=SIDE_PX):
        height, width = (side - side % stride for side in picture.pixels.shape[:2])
        image = picture.pixels[:height, :width].transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255)
        latent = run_session(sending, _fed(sending, image, facts))
        powers.append(2 * float(np.mean(np.square(latent, dtype=np.float64))))
        decoded = run_session(receiving, _fed(receiving, latent, facts))
        if decoded.shape != image.shape:
            raise ModelError(f"the decoder makes {list(decoded.shape)} of an image of {list(image.shape)}.")
        error = float(np.mean(np.square(np.clip(decoded, 0, 1) - image, dtype=np.float64)))
        if not math.isfinite(error) or not math.isfinite(powers[-1]) or powers[-1] <= 0:
            raise ModelError("the networks give values that are not finite, or symbols without power.")
        psnrs_db.append(-10 * math.log10(max(error, 1e-10)))
    return Found(stride, channels, (min(powers), max(powers)), float(np.mean(psnrs_db)))


def _shape(session: ort.InferenceSession, facts: CodecFacts) -> tuple[int, int]:
    """Stride and latent channels, alike for several sizes."""
    found = set()
    for height, width in _SIZES:
        image = np.full((1, 3, height, width), 0.5, np.float32)
        try:
            shape = run_session(session, _fed(session, image, facts)).shape
        except ModelError as error:
            raise ModelError(
                f"the encoder cannot be run on a picture of {height}x{width}; any multiple of its stride must do "
                f"(export it with dynamic height and width): {error}"
            ) from error
        if len(shape) != 4 or shape[0] != 1 or not shape[2] or not shape[3] or height % shape[2]:
            raise ModelError(f"the encoder gives {list(shape)} for a picture of {height}x{width}, not [1, M, h, w].")
        found.add((height // shape[2], width // shape[3], shape[1]))
    rows, columns, channels = next(iter(found))
    if len(found) > 1 or rows != columns or channels % 2:
        raise ModelError(
            f"the encoder's latents are not of one even number of channels and one stride: pixels a row, a column "
            f"and channels are {sorted(found)}."
        )
    return rows, channels


def _fed(
    session: ort.InferenceSession, tensor: NDArray[np.float32], facts: CodecFacts
) -> dict[str, NDArray[np.generic]]:
    """What a network of its own project is given: the tensor, an SNR of 20 dB and user 0, by rank and type."""
    fed: dict[str, NDArray[np.generic]] = {}
    for node in session.get_inputs():
        if len(node.shape) == 4:
            fed[node.name] = tensor
        elif "int64" in node.type:
            fed[node.name] = np.zeros(1, np.int64)
        else:
            side = np.array([clean_side(name) for name in facts.side_information], np.float32)
            fed[node.name] = side.reshape([[], [-1], [1, -1]][min(len(node.shape), 2)])
    return fed


def clean_side(field: str) -> float:
    """A field of side information in the probe."""
    if field in ("snr_db", "sinr_db"):
        return TOLD_SNR_DB
    return {"snr_db_over_20": TOLD_SNR_DB / 20, "sinr_db_over_20": TOLD_SNR_DB / 20}.get(field, 1.0)
