"""Weights between two states of one training of the adaptive codec.

Between the state before the learning rate fell and the one after it the error may be lower than at both, as of models
that share a part of their training (Frankle et al., arXiv 1912.05671; Wortsman et al., arXiv 2203.05482).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from models.errors import ModelError
from models.training.running.checkpoint import WEIGHTS_NAME
from models.training.running.runner import SETTINGS_NAME

AVERAGED = "network.average."


def between_runs(before: Path, after: Path, share: float, run: Path) -> None:
    """Write to ``run`` the run ``after``, its averaged weights ``share`` of the way to them from those of ``before``.

    0 gives those of ``before``, 1 those of ``after``. ``finish_adaptive`` exports them.

    Raises ModelError when the share is not from 0 to 1, or the folders do not hold runs of one network.
    """
    if not 0 <= share <= 1:
        raise ModelError(f"share is {share:g}; it is from 0 to 1.")
    try:
        earlier, later = load_file(before / WEIGHTS_NAME), load_file(after / WEIGHTS_NAME)
        with safe_open(after / WEIGHTS_NAME, "pt") as opened:
            metadata = opened.metadata()
        for name, tensor in later.items():
            if name.startswith(AVERAGED) and tensor.is_floating_point():
                later[name] = torch.lerp(earlier[name].float(), tensor.float(), share).to(tensor.dtype)
    except (SafetensorError, OSError, KeyError, RuntimeError) as error:
        raise ModelError(f"{before} and {after} are not runs of one network: {str(error).splitlines()[0]}.") from error
    run.mkdir(parents=True, exist_ok=True)
    save_file(later, run / WEIGHTS_NAME, metadata)
    shutil.copyfile(after / SETTINGS_NAME, run / SETTINGS_NAME)
