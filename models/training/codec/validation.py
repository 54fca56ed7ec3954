"""Measuring a codec on held-out pictures through the bare baseband channel with perfect channel knowledge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.codecs.base import CodecNetwork
from models.codecs.channel import ChannelMode, draw_channel
from models.codecs.registry import latent_to_symbols
from models.images import open_images
from models.training.codec.frames import side_vectors
from models.training.codec.transmission import pass_frame, perfect_frame, symbol_count

SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0)
VALIDATION_MODES: tuple[ChannelMode, ...] = ("random-phase", "rayleigh", "selective")
VALIDATION_SEED = 20_000
_BATCH_PIXELS = 1 << 16


def measure_codec(
    codec: CodecNetwork,
    sources: Sequence[str],
    snrs_db: Sequence[float] = SNRS_DB,
    modes: Sequence[ChannelMode] = VALIDATION_MODES,
    orthogonal: bool = False,
) -> dict[str, object]:
    """``{source name: {"images": n, "psnr_db": {mode: {snr: mean PSNR}}}}`` for a manifest.

    The PSNR is that of 8-bit pictures, averaged over pictures and users. Every picture is sent
    once, each frame holding as many pictures in turn as there are users.
    """
    report: dict[str, object] = {}
    for source in sources:
        groups = same_size_groups(source, codec.arguments.stride)
        table = {
            mode: {f"{snr_db:g}": round(mean_psnr_db(codec, groups, mode, snr_db, orthogonal), 3) for snr_db in snrs_db}
            for mode in modes
        }
        name = source.rstrip("/").rsplit("/", 1)[-1]
        report[name] = {"images": sum(len(group) for group in groups), "psnr_db": table}
    return report


def same_size_groups(source: str, stride: int) -> list[NDArray[np.uint8]]:
    """The pictures of ``source`` by size, uint8 [n, H, W, 3] each, their sides cut to multiples of the stride."""
    by_size: dict[tuple[int, ...], list[NDArray[np.uint8]]] = {}
    for picture in open_images(source, split="test"):
        height, width = (side - side % stride for side in picture.pixels.shape[:2])
        if height and width:
            by_size.setdefault((height, width), []).append(picture.pixels[:height, :width])
    return [np.stack(group) for group in by_size.values()]


@torch.inference_mode()
def mean_psnr_db(
    codec: CodecNetwork,
    groups: Sequence[NDArray[np.uint8]],
    mode: ChannelMode,
    snr_db: float,
    orthogonal: bool = False,
) -> float:
    """Mean PSNR in dB over users and all pictures of ``groups`` (each uint8 [n, H, W, 3])."""
    codec.eval()
    generator = torch.Generator().manual_seed(VALIDATION_SEED)
    values: list[Tensor] = []
    for group in groups:
        per_batch = max(1, _BATCH_PIXELS // (group.shape[1] * group.shape[2]))
        users = codec.arguments.users
        frames = -(-len(group) // users)
        for start in range(0, frames, per_batch):
            rows = users * np.arange(start, min(start + per_batch, frames))
            images = torch.stack([_pictures(group, rows + user) for user in range(users)])
            decoded = through_channel(codec, images, mode, snr_db, generator, orthogonal)
            error = ((decoded * 255).round() / 255 - images).square().mean(dim=(2, 3, 4))
            values.append(-10 * error.clamp_min(1e-10).log10().flatten())
    return float(torch.cat(values).mean())


def _pictures(group: NDArray[np.uint8], rows: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(group[rows % len(group)]).permute(0, 3, 1, 2).float() / 255


@torch.inference_mode()
def through_channel(
    codec: CodecNetwork,
    images: Tensor,
    mode: ChannelMode,
    snr_db: float,
    generator: torch.Generator,
    orthogonal: bool = False,
) -> Tensor:
    """images float [users, B, 3, H, W] in [0,1], sides multiples of the stride -> decoded, the same shape,
    clamped.
    """
    users, batch, _, height, width = images.shape
    channel = draw_channel(mode, batch, users, symbol_count(codec, height, width), generator)
    received = pass_frame(codec, images, perfect_frame(channel, snr_db), generator, orthogonal)
    decoded = [codec.decoders[user](received.views[user], received.sides[user]) for user in range(users)]
    return torch.stack(decoded).clamp(0, 1)


@torch.inference_mode()
def measure_overlap(
    codec: CodecNetwork, sources: Sequence[str], snrs_db: Sequence[float] = (0.0, 10.0, 20.0)
) -> dict[str, dict[str, float]]:
    """``{source name: {snr: overlap}}``: how far the users really share channel uses, unit gains.

    With P_u the mean power of user u in a channel use, over the first 64 pictures of every size, the
    overlap is N sum(min_u P_u) / sum(sum_u P_u): 1 when all users fill every channel use alike
    (superposition), 0 when none is used by all (orthogonal sharing that the codec has taught itself).
    """
    codec.eval()
    users = codec.arguments.users
    report: dict[str, dict[str, float]] = {}
    for source in sources:
        groups = same_size_groups(source, codec.arguments.stride)
        row = {}
        for snr_db in snrs_db:
            shared, total = 0.0, 0.0
            for group in groups:
                images = _pictures(group, np.arange(min(64, len(group))))
                side = side_vectors(torch.full((len(images),), snr_db), torch.ones(len(images), users))
                powers = torch.stack(
                    [
                        latent_to_symbols(codec.encoder(images, torch.full((len(images),), user), side[:, user]))
                        .abs()
                        .square()
                        .mean(dim=0)
                        for user in range(users)
                    ]
                )
                shared += float(users * powers.amin(dim=0).sum())
                total += float(powers.sum())
            row[f"{snr_db:g}"] = round(shared / total, 4)
        report[source.rstrip("/").rsplit("/", 1)[-1]] = row
    return report
