"""Files of weights: written as safetensors, read without unpickling anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models.errors import ModelError


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, or of a torch file that holds nothing else; ModelError otherwise."""
    if not path.is_file():
        raise ModelError(f"{path} is not a file.")
    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises a dozen unrelated types on a broken file.
        raise ModelError(
            f"{path} is neither safetensors nor a torch file of plain tensors: {type(error).__name__}."
        ) from error
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ModelError(f"{path} does not hold tensors by name, which is what a checkpoint of weights is.")
    return {str(name): value for name, value in content.items()}


def write_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write tensors by name as one safetensors file, which everybody may read: the library makes files that only their
    owner reads.
    """
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata)
    path.chmod(0o644)


def write_halves(network: nn.Module, path: Path) -> None:
    """The same of a network's parameters and buffers, those of floating point as float16."""
    state = network.state_dict()
    write_tensors({name: one.half() if one.is_floating_point() else one for name, one in state.items()}, path)
