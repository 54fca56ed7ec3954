"""Checkpoints that resume exactly: tensors in safetensors, counters as JSON in its header, never a pickle.

A run's random draws depend only on (seed, step), so weights, optimiser state, step and elapsed time are all
there is.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models.errors import ModelError

WEIGHTS_NAME = "checkpoint.safetensors"


@dataclass
class Progress:
    """Where a run stands. best_figure, without_gain: of early stopping; stopped: it ended the run. finished: the
    run's minutes or steps are spent.
    """

    step: int = 0
    elapsed_s: float = 0.0
    images_seen: int = 0
    seed: int = 0
    best_figure: float | None = None
    without_gain: int = 0
    stopped: bool = False
    finished: bool = False


class Stateful(Protocol):
    """What a checkpoint asks of an optimiser."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, content: dict[str, Any], /) -> None: ...


def save_checkpoint(folder: Path, network: nn.Module, optimizer: Stateful, progress: Progress) -> None:
    """Write weights, optimiser state and progress; one file, so never half of it."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {f"network.{k}": v.contiguous() for k, v in network.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimizer.{index}.{key}"] = torch.as_tensor(value).contiguous()
    # A private copy of every tensor: safetensors refuses tensors that share memory.
    partial = folder / (WEIGHTS_NAME + ".partial")
    save_file(
        {k: v.clone() for k, v in tensors.items()},
        partial,
        metadata={"progress": json.dumps(asdict(progress))},
    )
    os.replace(partial, folder / WEIGHTS_NAME)


def load_checkpoint(folder: Path, network: nn.Module, optimizer: Stateful) -> Progress:
    """Put a checkpoint back into ``network`` and ``optimizer``; ModelError when it is broken or of another
    network.
    """
    path = folder / WEIGHTS_NAME
    try:
        tensors = load_file(path)
        with safe_open(path, "pt") as opened:
            progress = Progress(**json.loads(opened.metadata()["progress"]))
        network.load_state_dict({k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")})
    except (SafetensorError, OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} cannot be resumed from: {str(error).splitlines()[0]}.") from error
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            states.setdefault(int(index), {})[name] = value
    content = optimizer.state_dict()
    content["state"] = states
    optimizer.load_state_dict(content)
    return progress


def has_checkpoint(folder: Path) -> bool:
    return (folder / WEIGHTS_NAME).is_file()
