"""Low-rank fine-tuning (LoRA, Hu et al. 2021) of the refiner that reads texts, by peft.

peft knows plain convolutions, and the network keeps its kernels as matrices: for fine-tuning it is rebuilt with plain
ones, and what was learnt is merged back.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from models.codecs.adaptive import MatrixConv2d
from models.errors import ModelError
from models.refiner.text_network import TextRefinerNetwork


def with_low_rank(network: TextRefinerNetwork, rank: int, alpha: int) -> Any:
    """A copy whose own weights are frozen, with trainable matrices of this rank beside every convolution and FiLM
    layer; at first without effect. ModelError when peft is missing.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise ModelError("fine-tuning by LoRA needs peft: pip install 'semnoma-hil[lora]'.") from error
    plain = copy.deepcopy(network)
    for name, module in list(plain.named_modules()):
        if isinstance(module, MatrixConv2d):
            _put(plain, name, _as_plain(module))
    targets = [
        name
        for name, module in plain.named_modules()
        if isinstance(module, nn.Conv2d) or (isinstance(module, nn.Linear) and name.endswith("film"))
    ]
    plain.requires_grad_(False)
    return inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets), plain)


@torch.no_grad()
def merged(tuned: nn.Module, network: TextRefinerNetwork) -> TextRefinerNetwork:
    """A copy of ``network``, from which ``tuned`` was made, with what it has learnt."""
    made = copy.deepcopy(network)
    for name, module in tuned.named_modules():
        if hasattr(module, "get_delta_weight"):
            own = made.get_submodule(name)
            assert isinstance(own.weight, Tensor)
            own.weight += module.get_delta_weight("default").reshape(own.weight.shape)
    return made


def low_rank_parameters(tuned: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(parameter.numel() for parameter in tuned.parameters() if parameter.requires_grad)


def _as_plain(module: MatrixConv2d) -> nn.Conv2d:
    size, stride, padding = module.kernel_size, module.stride, module.padding
    plain = nn.Conv2d(module.in_channels, module.out_channels, size, stride, padding)  # type: ignore[arg-type]
    plain.weight = nn.Parameter(module.weight.detach().view(plain.weight.shape).clone())
    assert module.bias is not None
    plain.bias = nn.Parameter(module.bias.detach().clone())
    return plain


def _put(network: nn.Module, name: str, module: nn.Module) -> None:
    around, _, last = name.rpartition(".")
    setattr(network.get_submodule(around), last, module)
