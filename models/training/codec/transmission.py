"""A batch of pictures through encoder and channel, superposed or, for the teacher, each user for itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from models.codecs.base import CodecNetwork
from models.codecs.channel import ReceivedBatch, transmit
from models.codecs.registry import latent_to_symbols, symbols_to_latent
from models.training.codec.frames import Frame, side_vectors


@dataclass(frozen=True)
class Reception:
    """views: float [users, B, M, h, w], each user's aligned features; sides: float [users, B, d], for the decoders."""

    views: Tensor
    sides: Tensor


def pass_frame(
    codec: CodecNetwork, images: Tensor, frame: Frame, generator: torch.Generator, orthogonal: bool = False
) -> Reception:
    """Encode images float [users, B, 3, H, W] in [0,1], sides multiples of the stride, and send them as ``frame`` says.

    orthogonal: every user has the whole power and a channel use of its own, so nobody interferes (method.md, the
    teacher). The channel is applied on the CPU, so that a seed means the same everywhere.
    """
    users, batch, _, height, width = images.shape
    stride, device = codec.arguments.stride, images.device
    encoder_side = without_others(frame.encoder_side) if orthogonal else frame.encoder_side
    user = torch.arange(users, device=device).repeat_interleave(batch)
    side = encoder_side.transpose(0, 1).flatten(0, 1).to(device)
    latent = codec.encoder(fast_layout(images.flatten(0, 1)), user, side)
    symbols = latent_to_symbols(latent).reshape(users, batch, -1).transpose(0, 1).cpu()
    send = _one_by_one if orthogonal else transmit
    received = send(symbols, frame.channel, frame.snr_db, frame.estimation_error_power, generator)
    known = side_vectors(frame.snr_db, received.gains)
    known = without_others(known) if orthogonal else known
    rows, columns = height // stride, width // stride
    views = symbols_to_latent(received.features.transpose(0, 1).flatten(0, 1).to(device), rows, columns)
    return Reception(fast_layout(views).unflatten(0, (users, batch)), known.transpose(0, 1).to(device))


def _one_by_one(
    symbols: Tensor,
    channel: Tensor,
    snr_db: Tensor,
    estimation_error_power: Tensor | None,
    generator: torch.Generator | None,
) -> ReceivedBatch:
    """``transmit`` for users that each have the channel to themselves."""
    users = symbols.shape[1]
    error = None if estimation_error_power is None else estimation_error_power.repeat_interleave(users)
    alone = transmit(
        symbols.flatten(0, 1)[:, None],
        channel.flatten(0, 1)[:, None],
        snr_db.repeat_interleave(users),
        error,
        generator,
    )
    shape = (len(symbols), users)
    features = alone.features[:, 0].unflatten(0, shape)
    return ReceivedBatch(features, alone.gains[:, 0].unflatten(0, shape), alone.phases_rad[:, 0].unflatten(0, shape))


def without_others(sides: Tensor) -> Tensor:
    """Side vectors [..., 3] of users who are alone: the others' gain is zero."""
    return sides * torch.tensor([1.0, 1.0, 0.0], device=sides.device)


def perfect_frame(channel: Tensor, snr_db: float) -> Frame:
    """A frame over ``channel`` complex [B, users, k or 1] that both ends know perfectly and nobody is silent in."""
    batch, users = channel.shape[:2]
    snr = torch.full((batch,), float(snr_db))
    side = side_vectors(snr, channel.abs().square().mean(dim=2).sqrt())
    return Frame(channel, snr, None, torch.ones(batch, users, dtype=torch.bool), side)


def fast_layout(batch: Tensor) -> Tensor:
    """The same tensor in channels-last memory, which is the fast one for convolutions."""
    return batch.contiguous(memory_format=torch.channels_last)


def symbol_count(codec: CodecNetwork, height: int, width: int) -> int:
    """k for an image of ``height`` x ``width``."""
    stride = codec.arguments.stride
    return int(codec.arguments.latent_channels // 2 * math.ceil(height / stride) * math.ceil(width / stride))
