"""The exponential moving average of a network's weights, which is what is exported."""

from __future__ import annotations

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

Tensors = tuple[Tensor, ...] | list[Tensor]
SHORTEST = 10  # so that a young average reaches back over a tenth of its updates, and holds no untrained weights


def averaged_model(network: nn.Module, decay: float) -> AveragedModel:
    """A share ``decay`` of the average stays at each update; after n, while they are few, no more than
    (1 + n) / (10 + n).
    """

    def update(average: Tensors, current: Tensors, updates: Tensor | int) -> None:
        n = int(updates)
        get_ema_multi_avg_fn(min(decay, (1 + n) / (SHORTEST + n)))(average, current, updates)

    return AveragedModel(network, multi_avg_fn=update)
