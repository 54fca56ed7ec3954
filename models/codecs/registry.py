"""Registry of architectures, and the mapping between latents and symbols.

Latent layout: real [batch, M, H/4, W/4]; its flattened reals are read as complex symbols, the first half
being the real part and the second half the imaginary part, so channel c pairs with channel c + M/2 at the
same position.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from models.codecs.adaptive import AdaptiveArguments, AdaptiveCodec
from models.codecs.base import CodecNetwork
from models.codecs.compact import Codec, CompactArguments
from models.codecs.convnext import ConvNeXtArguments, ConvNeXtCodec
from models.errors import ModelError


def latent_to_symbols(latent: Tensor) -> Tensor:
    """Real [B,M,h,w] -> complex64 [B,k] of exactly unit mean power per row (k = M h w / 2)."""
    reals = latent.float().flatten(1)
    symbols = torch.complex(*reals.chunk(2, dim=1))
    mean_power = symbols.abs().square().mean(dim=1, keepdim=True)
    return symbols * torch.rsqrt(mean_power + 1e-12)


def symbols_to_latent(symbols: Tensor, height: int, width: int) -> Tensor:
    """Complex [B,k] -> real [B,M,height,width], the inverse reading of ``latent_to_symbols`` (sides of the
    latent).
    """
    return torch.cat((symbols.real, symbols.imag), dim=1).reshape(symbols.shape[0], -1, height, width)


ARCHITECTURES: dict[str, tuple[Any, Any]] = {
    "compact": (Codec, CompactArguments),
    "convnext": (ConvNeXtCodec, ConvNeXtArguments),
    "adaptive": (AdaptiveCodec, AdaptiveArguments),
}


def build_codec(name: str, arguments: dict[str, Any]) -> CodecNetwork:
    """A codec with fresh weights from what a manifest says; ModelError on an unknown name or argument."""
    if name not in ARCHITECTURES:
        raise ModelError(f"architecture {name!r} is not known; known are {', '.join(ARCHITECTURES)}.")
    network, arguments_type = ARCHITECTURES[name]
    try:
        tupled = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
        built: CodecNetwork = network(arguments_type(**tupled))
        return built
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"the arguments of architecture {name!r} do not fit it: {error}.") from error
