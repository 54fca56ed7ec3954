"""Crops and what a codec decodes of them: what conditioned refiners learn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.evaluation.frames import frames_of
from models.evaluation.schemes import LearnedScheme
from models.manifest import load_manifest
from models.training.dataset import CropPool

CROPS_PER_DRAW = 32


class DecodedPairs:
    """``count`` crops, each decoded at an SNR of its own draw, in 8 bits; made once, because decoding costs as much
    as an update. The same settings make the same pairs, so a resumed run is the uninterrupted one.
    """

    def __init__(
        self, sources: Sequence[str], codec: Path, count: int, crop_px: int, snr_db: tuple[float, float], seed: int
    ) -> None:
        pool = CropPool(sources, crop_px)
        scheme = LearnedScheme(str(codec), load_manifest(codec).users, "cpu")
        rng = np.random.default_rng([seed, count])
        originals, decoded, snrs_db = [], [], []
        for start in range(0, count, CROPS_PER_DRAW):
            crops = pool.draw(rng, min(CROPS_PER_DRAW, count - start), crop_px)
            level_db = float(rng.uniform(*snr_db))
            pictures = decoded_crops(scheme, crops, level_db, int(rng.integers(2**31)))
            originals.append(torch.from_numpy(crops).permute(0, 3, 1, 2).contiguous())
            decoded.append(((pictures + 1) * 127.5).round().to(torch.uint8))
            snrs_db += [level_db] * len(crops)
        self._originals, self._decoded = torch.cat(originals), torch.cat(decoded)
        self._snrs_db = torch.tensor(snrs_db)

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """(originals, decoded), float [count, 3, S, S] in [-1, 1], half of them mirrored, and snr_db, float [count]."""
        return self._some(rng, rng.integers(len(self._originals), size=count))

    def draw_alike(self, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor, float]:
        """The same, all decoded at one SNR, out of the crops that were decoded together."""
        start = int(rng.integers(len(self._originals))) // CROPS_PER_DRAW * CROPS_PER_DRAW
        together = min(CROPS_PER_DRAW, len(self._originals) - start)
        original, decoded, snr_db = self._some(rng, start + rng.integers(together, size=count))
        return original, decoded, float(snr_db[0])

    def _some(self, rng: np.random.Generator, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        chosen = torch.from_numpy(rows)
        mirrored = torch.from_numpy(rng.random(len(rows)) < 0.5).view(-1, 1, 1, 1)
        pictures = (self._originals[chosen].float() / 127.5 - 1, self._decoded[chosen].float() / 127.5 - 1)
        original, decoded = (torch.where(mirrored, picture.flip(3), picture) for picture in pictures)
        return original, decoded, self._snrs_db[chosen]


def decoded_crops(codec: LearnedScheme, crops: NDArray[np.uint8], snr_db: float, seed: int) -> Tensor:
    """uint8 [n, S, S, 3] -> what the codec decodes at ``snr_db``, float [n, 3, S, S] in [-1, 1]."""
    uses, users = codec.natural_uses(*crops.shape[1:3]), codec.users
    frames = frames_of(crops, "random-phase", users, uses, seed)
    pictures = np.concatenate([codec.send_float(frame, snr_db)[: frame.counted] for frame in frames])
    return torch.from_numpy(pictures) * 2 - 1
