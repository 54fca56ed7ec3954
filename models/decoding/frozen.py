"""A decoder network as one TorchScript graph: the same operations, without Python between them."""

from __future__ import annotations

import logging
import warnings

import torch
from torch import Tensor, nn

log = logging.getLogger(__name__)
TOLERANCE = 1e-4  # of pictures in [0, 1]; float rounding is a hundred times less
_TRACED_ON, _CHECKED_ON = (1, 8, 8), (2, 3, 5)  # pictures, rows, columns


class FrozenDecoder(nn.Module):
    """What `freeze` makes of a decoder: takes features [B,M,h,w] and side [B,d] of any size, gives its image."""

    def __init__(self, graph: torch.jit.ScriptModule) -> None:
        super().__init__()
        self._graph = graph

    def forward(self, features: Tensor, side: Tensor) -> Tensor:
        image: Tensor = self._graph(features.contiguous(memory_format=torch.channels_last), side)
        return image


@torch.inference_mode()
def freeze(network: nn.Module, planes: int, side_size: int) -> nn.Module:
    """A decoder on the CPU in eval mode, float [B,planes,h,w] and side [B,d] to an image, as a frozen channels-last
    graph.

    `network` itself is returned where torch cannot trace it (it announces TorchScript's end), or where the graph gives
    other images than the network for a number and a size that it was not traced on. The network's weights are left as
    they are.
    """
    generator = torch.Generator().manual_seed(5)

    def example(pictures: int, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        features = 0.7 * torch.randn(pictures, planes, rows, columns, generator=generator)
        side = torch.rand(pictures, side_size, generator=generator)
        return features.contiguous(memory_format=torch.channels_last), side

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph = torch.jit.trace(network, example(*_TRACED_ON), check_trace=False)
            frozen = FrozenDecoder(torch.jit.freeze(graph))
        unlike = float((frozen(*(other := example(*_CHECKED_ON))) - network(*other)).abs().max())
    except (AttributeError, RuntimeError) as error:
        log.info("a decoder stays as it is: %s", str(error).splitlines()[0] if str(error) else type(error).__name__)
        return network
    return frozen if unlike <= TOLERANCE else network
