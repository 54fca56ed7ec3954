"""One step of gradient descent, as every training loop takes it."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from torch import Tensor, nn


def descend(
    accelerator: Accelerator, network: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, gradient_norm: float
) -> None:
    """Move the network's weights against the gradient of ``loss``, whose norm is clipped to ``gradient_norm``."""
    optimizer.zero_grad(set_to_none=True)
    accelerator.backward(loss)
    accelerator.clip_grad_norm_(network.parameters(), gradient_norm)
    optimizer.step()


def channels_last_(network: nn.Module) -> None:
    """Lay out the convolution weights as the fast kernels want them, in place."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
