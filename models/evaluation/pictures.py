"""The figures of `compare`, picture by picture instead of their means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.codecs.channel import ChannelMode
from models.evaluation.compare import EVALUATION_SEED, common_uses
from models.evaluation.frames import frames_of
from models.evaluation.metrics import ms_ssim, psnr_db, ssim
from models.evaluation.scheme import Scheme
from models.images import ImageSource


@dataclass(frozen=True)
class PictureRow:
    """One picture of one scheme; user: who sent it in its frame. ssim, ms_ssim: None for small pictures."""

    scheme: str
    frame: int
    user: int
    image_id: str
    height: int
    width: int
    channel_uses: int
    psnr_db: float
    ssim: float | None
    ms_ssim: float | None
    link: str


def measure_pictures(
    source: ImageSource,
    schemes: Sequence[Scheme],
    mode: ChannelMode,
    users: int,
    snr_db: float,
    limit: int | None = None,
    ratio: float | None = None,
    seed: int = EVALUATION_SEED,
) -> Iterator[PictureRow]:
    """A row per scheme and picture; arguments, draws and errors are those of ``compare`` at one SNR.

    Frames are numbered through all sizes of pictures.
    """
    sizes: dict[tuple[int, ...], list[int]] = {}
    for index in range(min(len(source), limit or len(source))):
        sizes.setdefault(source[index].pixels.shape, []).append(index)
    before = 0
    for indices in sizes.values():
        group = np.stack([source[index].pixels for index in indices])
        uses = common_uses(schemes, group.shape[1], group.shape[2], ratio)
        for scheme in schemes:
            frames = frames_of(group, mode, users, uses, seed)
            decoded = np.concatenate([scheme.send(frame, snr_db, uses)[: frame.counted] for frame in frames])
            figures = [measure(group, decoded) for measure in (psnr_db, ssim, ms_ssim)]
            for position, index in enumerate(indices):
                psnr, similarity, multiscale = (_at(figure, position) for figure in figures)
                assert psnr is not None
                yield PictureRow(
                    scheme.name, before + position // users, position % users, source[index].image_id,
                    group.shape[1], group.shape[2], uses, psnr, similarity, multiscale, scheme.link,
                )  # fmt: skip
        before += -(-len(indices) // users)


def _at(figure: NDArray[np.float64] | None, position: int) -> float | None:
    return None if figure is None else float(figure[position])
