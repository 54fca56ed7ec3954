"""Muon for the convolutions' matrices and AdamW for the rest, as one optimiser.

Muon (Jordan et al. 2024) moves a matrix along the orthogonal factor of its momentum.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from models.codecs.adaptive import MatrixConv2d


class MatrixOptimizer:
    """Has of ``torch.optim.Optimizer`` what the training loop and its checkpoints use.

    The parameters are numbered matrices first. Muon's steps are scaled to the size of AdamW's, so one learning rate
    serves both.
    """

    def __init__(self, network: nn.Module, learning_rate: float, weight_decay: float = 0.0) -> None:
        matrices = [module.weight for module in network.modules() if isinstance(module, MatrixConv2d)]
        taken = {id(matrix) for matrix in matrices}
        rest = [parameter for parameter in network.parameters() if id(parameter) not in taken]
        self._parts: list[torch.optim.Optimizer] = [
            torch.optim.Muon(matrices, learning_rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, learning_rate, betas=(0.9, 0.98), weight_decay=0.0),
        ]
        self._matrices = len(matrices)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return [group for part in self._parts for group in part.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        for part in self._parts:
            part.zero_grad(set_to_none)

    def step(self) -> None:
        for part in self._parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """``{"state": {parameter's number: its state}}``."""
        first, second = (part.state_dict()["state"] for part in self._parts)
        return {"state": first | {self._matrices + index: state for index, state in second.items()}}

    def load_state_dict(self, content: dict[str, Any]) -> None:
        first = {index: state for index, state in content["state"].items() if index < self._matrices}
        second = {index - self._matrices: state for index, state in content["state"].items() if index >= self._matrices}
        for part, state in zip(self._parts, (first, second), strict=True):
            part.load_state_dict(part.state_dict() | {"state": state})
