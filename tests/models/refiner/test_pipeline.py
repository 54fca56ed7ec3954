"""Pipelines of the Stable Diffusion class out of a folder: a tiny random one; and folders that are refused."""

import json
import shutil

import numpy as np
import pytest
import torch

from models.errors import ModelError
from models.package.digest import folder_digest
from models.refiner import Refiner, open_refiner
from models.refiner.pipeline import PipelineRefiner

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Every part as in Stable Diffusion 1, and as small as can be."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

    folder = tmp_path_factory.mktemp("pipeline")
    torch.manual_seed(1)
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, cross_attention_dim=16,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=4,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=[8, 16], down_block_types=["DownEncoderBlock2D"] * 2, norm_num_groups=4,
        up_block_types=["UpDecoderBlock2D"] * 2, latent_channels=4,
    )  # fmt: skip
    config = transformers.CLIPTextConfig(
        vocab_size=300, hidden_size=16, intermediate_size=16, num_attention_heads=2, num_hidden_layers=1,
        max_position_embeddings=16, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    vocabulary = ["<|startoftext|>", "<|endoftext|>", *"abcdefghijklmnopqrstuvwxyz"]
    vocabulary += [f"{letter}</w>" for letter in "abcdefghijklmnopqrstuvwxyz"]
    words = folder / "words"
    words.mkdir()
    (words / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(vocabulary)}))
    (words / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.CLIPTokenizer.from_pretrained(str(words), model_max_length=16)
    pipeline = StableDiffusionPipeline(
        vae=vae, text_encoder=transformers.CLIPTextModel(config), tokenizer=tokenizer, unet=unet,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False, set_alpha_to_one=False),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder / "tiny")
    return folder / "tiny"


def test_a_picture_goes_through_it(tiny):
    refiner = open_refiner(str(tiny), "cpu")
    assert isinstance(refiner, PipelineRefiner) and refiner.manifest.name == "tiny" and refiner.takes_text
    image = np.random.default_rng(1).random((3, 18, 33), np.float32)
    plain, told = refiner.refine(image, 5.0), refiner.refine(image, 5.0, text="a cat")
    assert plain.shape == image.shape and plain.dtype == np.float32 and 0 <= plain.min() <= plain.max() <= 1
    np.testing.assert_array_equal(plain, refiner.refine(image, 5.0))
    assert np.abs(plain - told).max() > 1e-4
    assert refiner.refine(image, 5.0, 0) is image
    with pytest.raises(ModelError, match="must be finite"):
        refiner.refine(image * np.nan, 5.0)


def test_it_starts_from_the_noise_that_matches_the_error(tiny, monkeypatch):
    refiner, asked = open_refiner(str(tiny), "cpu"), []
    inner = refiner._pipeline

    def noted(**arguments):
        asked.append((arguments["strength"], arguments["num_inference_steps"], arguments["guidance_scale"]))
        return inner(**arguments)

    noted.scheduler = inner.scheduler
    monkeypatch.setattr(refiner, "_pipeline", noted)
    image = np.full((3, 16, 16), 0.5, np.float32)
    for snr_db, text in ((0.0, None), (20.0, "a cat")):
        refiner.refine(image, snr_db, 2, text)
    (low, steps, guidance), (high, _, told) = asked
    assert low > high and low * steps == pytest.approx(2, abs=low) and (guidance, told) == (1.0, 5.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"_class_name": "FluxPipeline"}, "names the pipeline 'FluxPipeline'; allowed are"),
        ({"_class_name": ["own", "Pipeline"]}, "allowed are"),
        ({"unet": ["own_code", "Network"]}, "takes unet from own_code, whose code is not run"),
    ],
)
def test_code_of_the_folder_is_not_run(tiny, tmp_path, change, sentence):
    index = json.loads((tiny / "model_index.json").read_text())
    (tmp_path / "model_index.json").write_text(json.dumps(index | change))
    with pytest.raises(ModelError, match=sentence):
        open_refiner(str(tmp_path))


def test_pickled_weights_are_not_read(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "pickled")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save({}, weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(ModelError, match="does not hold a usable pipeline"):
        open_refiner(str(folder))
    assert folder_digest(folder) != folder_digest(tiny)


def test_other_folders_are_refiners_or_nothing(tmp_path, exported_refiner):
    assert isinstance(open_refiner(str(exported_refiner), "cpu"), Refiner)
    (tmp_path / "model_index.json").write_text("{")
    with pytest.raises(ModelError, match=r"model_index\.json cannot be read"):
        open_refiner(str(tmp_path))
