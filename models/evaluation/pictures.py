"""The figures of single pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.frames import PictureGroup
from models.evaluation.metrics import ms_ssim, psnr_db, ssim
from models.evaluation.scheme import Scheme


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


def picture_rows(
    scheme: Scheme, group: PictureGroup, decoded: NDArray[np.uint8], users: int, channel_uses: int, first_frame: int
) -> Iterator[PictureRow]:
    """A row for every picture of ``group``; decoded: uint8 [n, H, W, 3]; first_frame: the number of its first frame."""
    height, width = group.pixels.shape[1:3]
    psnr = psnr_db(group.pixels, decoded)
    similarity, multiscale = (measure(group.pixels, decoded) for measure in (ssim, ms_ssim))
    for position, image_id in enumerate(group.image_ids):
        yield PictureRow(
            scheme.name,
            first_frame + position // users,
            position % users,
            image_id,
            height,
            width,
            channel_uses,
            float(psnr[position]),
            _at(similarity, position),
            _at(multiscale, position),
            scheme.link,
        )


def _at(figure: NDArray[np.float64] | None, position: int) -> float | None:
    return None if figure is None else float(figure[position])
