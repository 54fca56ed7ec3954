"""Early stopping: ends after the patience, keeps the best weights, and resumes as if never interrupted."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from models.errors import ModelError
from models.training.codec.loop import train_codec
from models.training.config import CodecTraining, RunBounds
from models.training.running import runner
from models.training.running.runner import run_updates

FIGURES = [1.0, 3.0, 2.0, 2.5, 2.9, 9.0]


def run(out, resume=False, patience=3):
    """A weight that counts the updates, judged after every second one."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    optimizer = torch.optim.AdamW(network.parameters())
    network.weight.grad = torch.zeros_like(network.weight)

    def update(progress):
        optimizer.step()
        with torch.no_grad():
            network.weight.fill_(progress.step + 1)
        return 0.0

    def judge():
        return FIGURES[round(network.weight.item()) // 2 - 1]

    bounds = RunBounds(images=["x"], out=out, steps=12, patience=patience, validate_steps=2, checkpoint_s=1e-9)
    progress = run_updates(bounds, network, optimizer, update, resume, judge=judge)
    return network.weight.item(), progress


def test_it_stops_and_keeps_the_best(tmp_path):
    weight, progress = run(tmp_path)
    assert (weight, progress.step, progress.best_figure, progress.stopped) == (4, 10, 3.0, True)
    assert load_file(tmp_path / "checkpoint.safetensors")["network.weight"].item() == 4
    again, same = run(tmp_path, resume=True)
    assert (again, same.step) == (4, 10)


def test_with_more_patience_it_reaches_the_better_end(tmp_path):
    assert run(tmp_path, patience=4)[0] == 12


@pytest.mark.parametrize("killed_after", [3, 5, 9])
def test_an_interruption_changes_nothing(tmp_path, monkeypatch, killed_after):
    original, calls = runner.save_checkpoint, []

    def killing(*given):
        original(*given)
        calls.append(1)
        if len(calls) == killed_after:
            raise KeyboardInterrupt

    monkeypatch.setattr(runner, "save_checkpoint", killing)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    monkeypatch.undo()
    weight, progress = run(tmp_path, resume=True)
    assert (weight, progress.step, progress.best_figure) == (4, 10, 3.0)


def test_a_codec_is_judged_on_its_validation_pictures(tmp_path):
    np.savez(tmp_path / "set.npz", images=np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8))
    tiny = {"encoder_widths": [8, 8], "encoder_blocks": [1, 1], "decoder_widths": [8, 8], "decoder_blocks": [1, 2]}
    common = {"images": [str(tmp_path / "set.npz")], "arguments": tiny, "batch_pixels": 2048, "crops_px": [32]}
    settings = CodecTraining(**common, out=tmp_path / "o", steps=4, patience=5, validate_steps=2)
    with pytest.raises(ModelError, match="--validation"):
        train_codec(settings)
    _, progress = train_codec(settings.model_copy(update={"validation": [str(tmp_path / "set.npz")]}))
    assert progress.best_figure > 0
    assert (tmp_path / "o" / "best" / "checkpoint.safetensors").is_file()
