"""Perceptual figures: st-lpips against its own package where that is installed; clear words where weights lack."""

import importlib.util
import json
import sys
import types

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from hil.cli.codecs.evaluate import command
from models.errors import ModelError
from models.evaluation.perceptual import MEASURES, load_measure
from models.evaluation.st_lpips import ShiftTolerantLpips
from tests.float32 import FEW_STEPS_ATOL

installed = pytest.mark.skipif(importlib.util.find_spec("stlpips_pytorch") is None, reason="needs stlpips-pytorch")


@pytest.fixture
def fake_weights(tmp_path, monkeypatch):
    """A package with weights of the right shapes and random values."""
    place = tmp_path / "stlpips_pytorch"
    (place / "weights" / "vST0.0").mkdir(parents=True)
    (place / "__init__.py").write_text("raise ImportError('must not be imported')")
    torch.manual_seed(1)
    shapes = {
        "net.slice1.0": (64, 3, 11, 11), "net.slice2.5": (192, 64, 5, 5), "net.slice3.9": (384, 192, 3, 3),
        "net.slice4.11": (256, 384, 3, 3), "net.slice5.13": (256, 256, 3, 3),
    }  # fmt: skip
    weights = {f"{name}.weight": torch.randn(shape) / np.prod(shape[1:]) ** 0.5 for name, shape in shapes.items()}
    weights |= {f"{name}.bias": torch.randn(shape[0]) for name, shape in shapes.items()}
    weights |= {f"lin{i}.model.1.weight": torch.rand(1, shape[0], 1, 1) for i, shape in enumerate(shapes.values())}
    kernel = torch.tensor([1.0, 2.0, 1.0])
    for name, channels in (("net.slice1.1", 64), ("net.slice2.4", 64), ("net.slice3.8", 192)):
        weights[f"{name}.filt"] = (kernel[:, None] * kernel / 16).expand(channels, 1, 3, 3).contiguous()
    weights |= {"scaling_layer.shift": torch.zeros(1, 3, 1, 1), "scaling_layer.scale": torch.ones(1, 3, 1, 1)}
    torch.save(weights, place / "weights" / "vST0.0" / "alex_shift_tolerant.pth")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "stlpips_pytorch", raising=False)
    importlib.invalidate_caches()
    return place


def test_it_is_a_distance_that_grows_with_the_damage(fake_weights):
    metric = ShiftTolerantLpips.load()
    pictures, noise = torch.rand(2, 3, 32, 40), torch.randn(2, 3, 32, 40)
    assert metric.distance(pictures, pictures).tolist() == [0, 0]
    small, large = (metric.distance(pictures, (pictures + s * noise).clamp(0, 1)) for s in (0.02, 0.2))
    assert (large > small).all()
    assert (small > 0).all()
    torch.testing.assert_close(metric.distance(pictures, pictures.flip(0)), metric.distance(pictures.flip(0), pictures))


def test_rows_hold_the_figure_and_small_pictures_none(fake_weights, tmp_path):
    for size, known in ((32, True), (16, False)):
        path = tmp_path / f"{size}.npz"
        np.savez(path, images=np.random.default_rng(1).integers(0, 256, (2, size, size, 3), dtype=np.uint8))
        arguments = ["--images", str(path), "--scheme", "digital-jpeg", "--snr", "10", "--metric", "st-lpips", "--json"]
        [row] = json.loads(CliRunner().invoke(command, arguments, catch_exceptions=False).output)
        assert (row["st_lpips"] is not None) == known
        assert "perceptual" not in row


def test_broken_weights_and_unknown_metrics_are_one_sentence(fake_weights):
    (fake_weights / "weights" / "vST0.0" / "alex_shift_tolerant.pth").write_bytes(b"broken")
    for name, message in (("st-lpips", "does not hold the weights"), ("beauty", "not known")):
        with pytest.raises(ModelError, match=message) as caught:
            load_measure(name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", MEASURES)
def test_what_is_missing_is_said(name):
    """Either everything is there, or the message names what to do; never a traceback."""
    try:
        assert callable(load_measure(name))
    except ModelError as error:
        assert "pip install" in str(error) or "cannot be fetched" in str(error)


@installed
def test_st_lpips_is_its_own_packages(monkeypatch):
    """The package imports what it does not need for this network; empty modules stand in for that."""
    for name in ("torchvision", "IPython", "torchsummary"):
        try:
            importlib.import_module(name)
        except ImportError:
            module = types.ModuleType(name)
            module.__dict__.update(models=None, embed=None, summary=None)
            monkeypatch.setitem(sys.modules, name, module)
    try:
        from stlpips_pytorch.stlpips import LPIPS
    except ImportError as error:
        pytest.skip(f"the package cannot be imported here: {error}")
    theirs = LPIPS(net="alex", variant="shift_tolerant", verbose=False)
    a, b = torch.rand(3, 3, 40, 56), torch.rand(3, 3, 40, 56)
    with torch.no_grad():
        expected = theirs(a, b, normalize=True).flatten()
    torch.testing.assert_close(ShiftTolerantLpips.load().distance(a, b), expected, rtol=1e-3, atol=FEW_STEPS_ATOL)
