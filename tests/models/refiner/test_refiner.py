import json
import math
import shutil

import numpy as np
import pytest
import torch

from models.errors import ModelError
from models.refiner import Refiner
from models.refiner.network import SCHEDULER_ARGUMENTS, build_prior, build_scheduler
from models.refiner.refiner import contract_and_denoise
from models.refiner.start_step import start_sigma, start_timestep

SCHEDULER = build_scheduler(SCHEDULER_ARGUMENTS)


class Oracle(torch.nn.Module):
    """Knows the clean picture and so predicts the noise exactly: DDIM must then return the picture."""

    def __init__(self, clean):
        super().__init__()
        self.clean = clean
        self.passes = 0

    def forward(self, noisy, step):
        self.passes += 1
        abar = SCHEDULER.alphas_cumprod[step]
        return type("Out", (), {"sample": (noisy - abar.sqrt() * self.clean) / (1 - abar).sqrt()})


def test_a_perfect_prior_gives_the_perfect_picture():
    clean = torch.rand(1, 3, 8, 8) * 1.8 - 0.9
    oracle = Oracle(clean)
    decoded = clean + 0.1 * torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    refined = contract_and_denoise(oracle, SCHEDULER, decoded, 120)
    torch.testing.assert_close(refined, clean, atol=1e-4, rtol=0)
    assert oracle.passes == 4


def test_no_step_is_no_change():
    image = torch.rand(1, 3, 4, 4)
    assert contract_and_denoise(Oracle(image), SCHEDULER, image, 0) is image


def test_the_start_falls_with_the_snr_and_has_the_promised_noise():
    abar = SCHEDULER.alphas_cumprod.numpy()
    steps = [start_timestep(snr_db, abar) for snr_db in range(-10, 31, 5)]
    assert steps == sorted(steps, reverse=True)
    assert 0 < steps[-1] < steps[0] < 300
    step = start_timestep(0.0, abar)
    sigma = math.sqrt((1 - abar[step]) / abar[step])
    assert start_sigma(0.0) <= sigma < 1.2 * start_sigma(0.0)
    assert start_timestep(-1e9, abar) == start_timestep(-10, abar)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (32, 32), (33, 18)])
def test_any_size_and_always_the_same(exported_refiner, height, width):
    refiner = Refiner.load(exported_refiner, device="cpu")
    image = np.random.default_rng(1).random((3, height, width), np.float32)
    refined = refiner.refine(image, 10.0)
    assert refined.shape == image.shape
    assert refined.dtype == np.float32
    assert 0 <= refined.min() <= refined.max() <= 1
    np.testing.assert_array_equal(refined, refiner.refine(image, 10.0))


def test_unusable_input_is_refused(exported_refiner):
    refiner = Refiner.load(exported_refiner, device="cpu")
    with pytest.raises(ModelError, match=r"\[3, H, W\]"):
        refiner.refine(np.zeros((8, 8, 3), np.float32), 10.0)
    with pytest.raises(ModelError, match="finite"):
        refiner.refine(np.full((3, 8, 8), np.nan, np.float32), 10.0)
    with pytest.raises(ModelError, match="finite"):
        refiner.refine(np.zeros((3, 8, 8), np.float32), math.nan)


def test_a_changed_byte_and_odd_arguments_are_refused(exported_refiner, tmp_path):
    folder = shutil.copytree(exported_refiner, tmp_path / "r")
    content = json.loads((folder / "manifest.json").read_text())
    content["arguments"]["colour"] = 1
    (folder / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match="colour"):
        Refiner.load(folder)
    path = folder / "prior.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ModelError, match="sha256"):
        Refiner.load(folder)
    with pytest.raises(ModelError, match="not known"):
        build_prior("os.system", {})
