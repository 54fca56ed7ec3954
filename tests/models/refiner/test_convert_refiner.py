"""Conversion of improved-diffusion checkpoints: generated ones of both forms give the same outputs afterwards."""

import importlib.util
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from hil.cli.codecs.models import command
from models.errors import ModelError
from models.export.tensors import read_tensors
from models.package.manifest import load_refiner_manifest
from models.refiner import Refiner
from models.refiner.convert import convert_checkpoint
from models.refiner.network import ARCHITECTURE_NAME, build_prior
from tests.float32 import NETWORK_ATOL

spec = importlib.util.spec_from_file_location("improved_diffusion", Path(__file__).parent / "improved_diffusion.py")
improved_diffusion = importlib.util.module_from_spec(spec)
spec.loader.exec_module(improved_diffusion)


def network(multipliers=(1, 2, 2), blocks=2, attention=(1, 2), updown=False, seed=0):
    torch.manual_seed(seed)
    return improved_diffusion.ImprovedUNet(32, multipliers, blocks, attention, 32, updown).eval()


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"updown": True},
        {"multipliers": (1, 1, 2, 2), "blocks": 1, "attention": (2, 3), "updown": True},
        {"blocks": 3, "attention": ()},
        {"multipliers": (1,), "blocks": 1, "attention": (0,)},
    ],
)
def test_outputs_are_the_same(form):
    theirs = network(**form)
    converted = convert_checkpoint(theirs.state_dict(), 32, head_channels=32)
    ours = build_prior(ARCHITECTURE_NAME, converted.arguments).eval()
    ours.load_state_dict(converted.weights)
    noisy, steps = torch.randn(2, 3, 32, 32), torch.tensor([3, 700])
    with torch.no_grad():
        torch.testing.assert_close(ours(noisy, steps).sample, theirs(noisy, steps), atol=NETWORK_ATOL, rtol=1e-4)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_file_becomes_a_refiner_that_runs(tmp_path, suffix):
    path = tmp_path / f"prior{suffix}"
    weights = network(blocks=1).state_dict()
    save_file(weights, path) if suffix == ".safetensors" else torch.save(weights, path)
    arguments = ["convert-refiner", str(path), "--out", str(tmp_path / "out"), "--name", "prior-32", "--size", "32"]
    arguments += ["--schedule", "cosine", "--head-channels", "32", "--licence", "MIT"]
    CliRunner().invoke(command, arguments, catch_exceptions=False)
    manifest = load_refiner_manifest(tmp_path / "out")
    assert manifest.arguments["out_channels"] == 6
    assert str(tmp_path) not in manifest.model_dump_json()
    image = np.random.default_rng(1).random((3, 21, 40), np.float32)
    refined = Refiner.load(tmp_path / "out", "cpu").refine(image, 10.0)
    assert refined.shape == image.shape
    assert np.isfinite(refined).all()


def test_other_files_are_refused(tmp_path):
    weights = network(blocks=1).state_dict()
    for change in (
        lambda w: w.pop("input_blocks.1.0.in_layers.2.weight"),
        lambda w: w.update({"label_emb.weight": torch.zeros(10, 128)}),
        lambda w: w.update({"extra.weight": torch.zeros(1)}),
        lambda w: [w.pop(name) for name in list(w) if name.startswith("output_blocks.2.")],
        lambda w: w.clear(),
    ):
        changed = dict(weights)
        change(changed)
        with pytest.raises(ModelError) as caught:
            convert_checkpoint(changed, 32, 32)
        assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="wider than its first"):
        convert_checkpoint(network(multipliers=(2, 2), attention=(), blocks=1).state_dict(), 32, 32)
    with pytest.raises(ModelError, match="heads of 48"):
        convert_checkpoint(weights, 32, 48)
    evil = tmp_path / "evil.pt"
    evil.write_bytes(pickle.dumps(Path))
    for path in (evil, tmp_path / "none.pt"):
        with pytest.raises(ModelError):
            read_tensors(path)
    torch.save({"step": 3}, tmp_path / "step.pt")
    with pytest.raises(ModelError, match="tensors by name"):
        read_tensors(tmp_path / "step.pt")
