"""Reading files of weights without unpickling anything."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

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
