"""Crops and what a codec decodes of them: what conditioned refiners learn from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.evaluation.frames import frames_of
from models.evaluation.learned import LearnedScheme
from models.package.manifest import load_manifest
from models.training.running.dataset import CropPool

CROPS_PER_DRAW = 32
USUAL_USERS = 2


class DecodedPairs:
    """``count`` crops, each decoded at an SNR of its own draw, in 8 bits; made once, at the first draw, because
    decoding costs as much as an update. The same settings make the same pairs: a resumed run is the uninterrupted one.
    """

    def __init__(
        self, sources: Sequence[str], codec: Path, count: int, crop_px: int, snr_db: tuple[float, float], seed: int
    ) -> None:
        self._pool, self._crop_px = CropPool(sources, crop_px), crop_px
        self._scheme = LearnedScheme(str(codec), session_users(codec), "cpu")
        self._count, self._snr_db, self._seed = count, snr_db, seed

    @cached_property
    def _pairs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Originals and decoded, uint8 [count, 3, S, S], and snr_db, float [count]."""
        rng = np.random.default_rng([self._seed, self._count])
        originals, decoded, snrs_db = [], [], []
        for start in range(0, self._count, CROPS_PER_DRAW):
            crops = self._pool.draw(rng, min(CROPS_PER_DRAW, self._count - start), self._crop_px)
            level_db = float(rng.uniform(*self._snr_db))
            pictures = decoded_crops(self._scheme, crops, level_db, int(rng.integers(2**31)))
            originals.append(torch.from_numpy(crops).permute(0, 3, 1, 2).contiguous())
            decoded.append(((pictures + 1) * 127.5).round().to(torch.uint8))
            snrs_db += [level_db] * len(crops)
        return torch.cat(originals), torch.cat(decoded), torch.tensor(snrs_db)

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """(originals, decoded), float [count, 3, S, S] in [-1, 1], half of them mirrored, and snr_db, float [count]."""
        return self._some(rng, rng.integers(self._count, size=count))

    def draw_alike(self, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor, float]:
        """The same, all decoded at one SNR, out of the crops that were decoded together."""
        start = int(rng.integers(self._count)) // CROPS_PER_DRAW * CROPS_PER_DRAW
        together = min(CROPS_PER_DRAW, self._count - start)
        original, decoded, snr_db = self._some(rng, start + rng.integers(together, size=count))
        return original, decoded, float(snr_db[0])

    def _some(self, rng: np.random.Generator, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        chosen = torch.from_numpy(rows)
        originals, decoded_pictures, snrs_db = self._pairs
        mirrored = torch.from_numpy(rng.random(len(rows)) < 0.5).view(-1, 1, 1, 1)
        pictures = (originals[chosen].float() / 127.5 - 1, decoded_pictures[chosen].float() / 127.5 - 1)
        original, decoded = (torch.where(mirrored, picture.flip(3), picture) for picture in pictures)
        return original, decoded, snrs_db[chosen]


def session_users(codec: Path) -> int:
    """How many users share the channel in what a refiner learns from: as many as the codec is of, or two where it
    leaves that open.
    """
    manifest = load_manifest(codec)
    return min(USUAL_USERS, manifest.users) if manifest.takes_any_share else manifest.users


def decoded_crops(codec: LearnedScheme, crops: NDArray[np.uint8], snr_db: float, seed: int) -> Tensor:
    """uint8 [n, S, S, 3] -> what the codec decodes at ``snr_db``, float [n, 3, S, S] in [-1, 1]."""
    uses = codec.natural_uses(*crops.shape[1:3])
    frames = frames_of(crops, "random-phase", codec.session_users, uses, seed)
    pictures = np.concatenate([codec.send_float(frame, snr_db)[: frame.counted] for frame in frames])
    return torch.from_numpy(pictures) * 2 - 1
