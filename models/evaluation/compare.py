"""Measure schemes on the same pictures, channel draws and channel uses; one row per scheme and SNR."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from models.codecs.channel import ChannelMode
from models.errors import ModelError
from models.evaluation.frames import PictureGroup, frames_of, same_size_groups
from models.evaluation.perceptual import Measure
from models.evaluation.pictures import PictureRow, picture_rows
from models.evaluation.scheme import Scheme
from models.images import ImageSource

DEFAULT_RATIO = 1 / 6
EVALUATION_SEED = 30_000


@dataclass(frozen=True)
class Row:
    """Means over images (and, where they differ in size, channel uses). ssim, ms_ssim: None where pictures are too
    small for them. link: what carries the picture. perceptual: further figures that were asked for, by name.
    refiner_passes: network passes of refinement a picture, 0 without. pictures: what the means are of.
    """

    scheme: str
    channel: str
    users: int
    snr_db: float
    channel_uses: float
    images: int
    psnr_db: float
    ssim: float | None
    ms_ssim: float | None
    link: str
    seed: int
    perceptual: dict[str, float | None] = field(default_factory=dict)
    refiner_passes: int = 0
    antennas: int = 1
    pictures: tuple[PictureRow, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON, without those of single pictures; perceptual figures stand among the others, as
        ``st_lpips`` and so on.
        """
        values = asdict(replace(self, pictures=()))
        del values["pictures"]
        return values | {name.replace("-", "_"): value for name, value in values.pop("perceptual").items()}


def compare(
    source: ImageSource,
    schemes: Sequence[Scheme],
    mode: ChannelMode,
    users: int,
    snrs_db: Sequence[float],
    limit: int | None = None,
    ratio: float | None = None,
    seed: int = EVALUATION_SEED,
    metrics: Mapping[str, Measure] | None = None,
    antennas: int = 1,
    captions: Sequence[str] = (),
) -> Iterator[Row]:
    """Rows as they are measured, SNR by SNR, for the first ``limit`` pictures of ``source``.

    ratio: channel uses per image real for schemes that take any number; by default what the codecs among the
    schemes take, or 1/6. metrics: perceptual measures by name (``perceptual.load_measure``). antennas: of the
    receiver, each with noise of its own. captions: of the pictures in the order of ``source``, which a refiner that
    reads texts is told at the receiver; () for none. Raises ModelError when the schemes cannot have the same number of
    channel uses.
    """
    groups = same_size_groups(source, limit)
    texts = [tuple(captions[index] for index in group.indices) if captions else () for group in groups]
    uses = [common_uses(schemes, group.pixels.shape[1], group.pixels.shape[2], ratio) for group in groups]
    for snr_db in snrs_db:
        for scheme in schemes:
            yield _row(scheme, groups, texts, uses, mode, users, snr_db, seed, metrics or {}, antennas)


def common_uses(schemes: Sequence[Scheme], height: int, width: int, ratio: float | None = None) -> int:
    """k for a picture of this size, the same for every scheme."""
    natural = {scheme.name: scheme.natural_uses(height, width) for scheme in schemes}
    needed = {name: uses for name, uses in natural.items() if uses is not None}
    wanted = None if ratio is None else round(ratio * 3 * height * width)
    values = set(needed.values()) | ({wanted} if wanted is not None else set())
    if len(values) > 1:
        told = ", ".join(f"{name} {uses}" for name, uses in needed.items())
        told += "" if wanted is None else f", --ratio {wanted}"
        raise ModelError(
            f"schemes are compared at the same channel uses, but an image of {height}x{width} takes {told}."
        )
    return values.pop() if values else max(1, round(DEFAULT_RATIO * 3 * height * width))


def _row(
    scheme: Scheme,
    groups: Sequence[PictureGroup],
    texts: Sequence[Sequence[str]],
    uses: Sequence[int],
    mode: ChannelMode,
    users: int,
    snr_db: float,
    seed: int,
    metrics: Mapping[str, Measure],
    antennas: int,
) -> Row:
    pictures: list[PictureRow] = []
    pairs = []
    first_frame = 0
    for group, told, channel_uses in zip(groups, texts, uses, strict=True):
        frames = frames_of(group.pixels, mode, users, channel_uses, seed, antennas, told)
        decoded = np.concatenate([scheme.send(frame, snr_db, channel_uses)[: frame.counted] for frame in frames])
        pairs.append((group.pixels, decoded))
        pictures += picture_rows(scheme, group, decoded, users, channel_uses, first_frame)
        first_frame += -(-len(group.pixels) // users)
    psnr = _mean([picture.psnr_db for picture in pictures])
    assert psnr is not None
    return Row(
        scheme=scheme.name,
        channel=mode,
        users=users,
        snr_db=float(snr_db),
        channel_uses=round(float(np.mean([picture.channel_uses for picture in pictures])), 2),
        images=len(pictures),
        psnr_db=psnr,
        ssim=_mean([picture.ssim for picture in pictures]),
        ms_ssim=_mean([picture.ms_ssim for picture in pictures]),
        link=scheme.link,
        seed=seed,
        perceptual={name: _rounded(perceive(pairs)) for name, perceive in metrics.items()},
        refiner_passes=scheme.refiner_passes,
        antennas=antennas,
        pictures=tuple(pictures),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _mean(values: Sequence[float | None]) -> float | None:
    """Mean over all pictures; None unless the figure exists for every one."""
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 4) if known and len(known) == len(values) else None
