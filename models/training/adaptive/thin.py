"""A training of the adaptive codec as a folder small enough to keep beside the code, from which it can go on."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from models.export.tensors import write_tensors
from models.training.config import AdaptiveTraining
from models.training.running.checkpoint import WEIGHTS_NAME
from models.training.running.provenance import settings_of, without_folders
from models.training.running.runner import SETTINGS_NAME

FORGOTTEN = ".momentum_buffer"  # Muon's: it decays within some twenty updates, and is as large as the weights


def thin_run(run: Path, folder: Path) -> None:
    """Write the run's settings, paths cut to their last part, and of its checkpoint the averaged weights as float16 and
    AdamW's moments as bfloat16; Muon's momentum begins anew.

    Raises ModelError when ``run`` holds no checkpoint.
    """
    settings = settings_of(run, AdaptiveTraining)
    changes: dict[str, object] = {"images": [without_folders(source) for source in settings.images], "out": Path("run")}
    changes["validation"] = [without_folders(source) for source in settings.validation]
    if settings.teacher is not None:
        changes["teacher"] = Path(settings.teacher.name)
    folder.mkdir(parents=True, exist_ok=True)
    with safe_open(run / WEIGHTS_NAME, "pt") as opened:
        metadata = opened.metadata()
        names = [name for name in opened.keys() if not name.startswith("network.codec.")]  # noqa: SIM118
        kept = {name: opened.get_tensor(name) for name in names if not name.endswith(FORGOTTEN)}
    write_tensors({name: _small(name, tensor) for name, tensor in kept.items()}, folder / WEIGHTS_NAME, metadata)
    text = settings.model_copy(update=changes).model_dump_json(indent=2)
    (folder / SETTINGS_NAME).write_text(text + "\n", encoding="utf-8")


def _small(name: str, tensor: Tensor) -> Tensor:
    """Counters stay as they are: a bfloat16 counts to 256."""
    if not tensor.is_floating_point() or tensor.ndim == 0:
        return tensor
    return tensor.to(torch.float16 if name.startswith("network.") else torch.bfloat16)
