"""Starting a training from a codec that exists, also with more users or another form of decoder."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file
from torch import Tensor

from models.codecs.base import CodecNetwork
from models.codecs.compact import CompactArguments, Encoder, own_share_loudness
from models.codecs.registry import build_codec
from models.decoding.decoder import SemanticDecoder
from models.errors import ModelError
from models.export.codec_folder import ENCODER_NAME, PARITY_LIMIT, encoder_parity
from models.export.onnx_weights import load_onnx_weights
from models.package.manifest import load_manifest
from models.training.running.checkpoint import WEIGHTS_NAME, has_checkpoint

# New users of one parent start with embeddings that differ by this much (standard deviation).
EMBEDDING_SPREAD = 0.1


def load_torch_codec(folder: Path) -> CodecNetwork:
    """The torch network of a codec folder (encoder from its ONNX file, decoders from safetensors).

    ModelError unless the network then computes what the ONNX encoder computes, or when the codec is not ours.
    """
    manifest = load_manifest(folder)
    if isinstance(manifest.files.decoders, list):
        raise ModelError(f"{folder} holds ONNX decoders, which cannot be trained further.")
    codec = build_codec(manifest.architecture, manifest.arguments)
    load_onnx_weights(codec.encoder, folder / ENCODER_NAME)
    decoders = SemanticDecoder.load(folder, "cpu")
    for user in range(len(codec.decoders)):
        codec.decoders[user].load_state_dict(decoders.network(user).state_dict())
    difference = encoder_parity(codec.eval(), folder / ENCODER_NAME)
    if difference > PARITY_LIMIT:
        raise ModelError(f"{folder}: the weights read from {ENCODER_NAME} differ from it by {difference:.1e}.")
    return codec.train()


def initial_weights(folder: Path) -> tuple[dict[str, Tensor], int]:
    """(state of a codec network, its users) of a codec folder or of a training run's folder."""
    if not has_checkpoint(folder):
        codec = load_torch_codec(folder)
        return codec.state_dict(), codec.arguments.users
    tensors = load_file(folder / WEIGHTS_NAME)
    users = int(json.loads((folder / "settings.json").read_text(encoding="utf-8"))["users"])
    prefix = "network."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}, users


@torch.no_grad()
def warm_start(codec: CodecNetwork, folder: Path) -> None:
    """Put the weights of ``folder`` into ``codec``, in place.

    With N users where the initial codec has n < N, user i starts as a copy of user i n // N; its embedding is
    perturbed, and ``part_users`` gives it symbols of its own. One decoder for all starts as user 0's; the output
    of a joint one is user 0's, N times. ModelError when the networks do not fit otherwise.
    """
    initial, before = initial_weights(folder)
    users = codec.arguments.users
    parents = [user * before // users for user in range(users)]
    weights = {}
    for name, own in codec.state_dict().items():
        tensor = initial.get(_decoder_of(name, parents, initial))
        if tensor is not None and tensor.shape != own.shape:
            tensor = _reshaped(tensor, own, before, parents)
        if tensor is None:
            raise ModelError(f"{folder} cannot be trained on as this codec: nothing in it fits {name}.")
        weights[name] = tensor.clone()
    codec.load_state_dict(weights)
    if users > before:
        part_users(codec, before)


def _decoder_of(name: str, parents: list[int], initial: dict[str, Tensor]) -> str:
    """The parent's tensor for one of a decoder, whichever way either codec has its decoders."""
    room, _, rest = name.partition(".")
    if room != "decoders":
        return name
    first, _, inner = rest.partition(".")
    parent = parents[int(first)] if first.isdigit() else 0
    candidates = (f"decoders.{parent}.{inner}", f"decoders.decoder.{inner}", f"decoders.0.{inner}")
    return next((candidate for candidate in candidates if candidate in initial), name)


def _reshaped(tensor: Tensor, own: Tensor, before: int, parents: list[int]) -> Tensor | None:
    """``tensor`` with a row for each user, or with the outputs of a joint decoder; None when neither fits."""
    if len(tensor) == before and len(own) == len(parents) and tensor.shape[1:] == own.shape[1:]:
        return tensor[parents]
    if tensor.shape[1:] == own.shape[1:] and len(own) == len(tensor) * len(parents):
        return tensor.repeat(len(parents), *[1] * (tensor.ndim - 1))
    return None


@torch.no_grad()
def part_users(codec: CodecNetwork, before: int) -> None:
    """Give every user of a compact codec symbols of its own, as fresh weights have them (``own_share_loudness``).

    The decoders listen to the same symbols, and louder by sqrt(N/n): a view's amplitude falls as 1/sqrt(N).
    """
    arguments = codec.arguments
    if not isinstance(arguments, CompactArguments) or arguments.decoders != "per-user":
        raise ModelError("only a compact codec with a decoder for each user can give its users symbols of their own.")
    encoder = cast(Encoder, codec.encoder)
    loudness = own_share_loudness(arguments)
    encoder.projection.mul_(loudness[:, None])
    encoder.projection_bias.mul_(loudness[:, None])
    encoder.embedding.weight.add_(EMBEDDING_SPREAD * torch.randn_like(encoder.embedding.weight))
    for decoder, audible in zip(codec.decoders, loudness, strict=True):
        decoder.stem.weight.mul_(math.sqrt(arguments.users / before) * audible[None, :, None, None])
