"""A captioner from a Hugging Face folder: a tiny BLIP with random weights, made here."""

import json
import sys
import tomllib

import numpy as np
import pytest

from hil.errors import UsageError
from hil.language.captioner import CAPTIONERS
from hil.language.local_model import MOST_TOKENS, open_captioner
from models.images import Picture
from tests.docs.blocks import ROOT

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]", "a", "cat", "dog", "on", "the", "mat"]


def test_it_is_an_entry_point_of_this_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"][CAPTIONERS]["model"] == f"{open_captioner.__module__}:{open_captioner.__name__}"


def test_a_folder_without_a_model_is_a_sentence(tmp_path):
    with pytest.raises(UsageError, match=r"there is no config\.json of a Hugging Face model in"):
        open_captioner(str(tmp_path))


def test_what_is_not_installed_is_named(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UsageError, match=r"needs more packages .*pip install '\.\[captions\]'"):
        open_captioner(str(tmp_path))


@pytest.fixture(scope="module")
def blip(tmp_path_factory):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    import torch

    folder = tmp_path_factory.mktemp("blip")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    torch.manual_seed(1)
    text = {"vocab_size": len(WORDS), "bos_token_id": 5, "sep_token_id": 3, "pad_token_id": 0, "eos_token_id": 3}
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BlipConfig(
        text_config={**text, **small, "encoder_hidden_size": 16, "projection_dim": 16},
        vision_config={**small, "image_size": 32, "patch_size": 16, "projection_dim": 16},
        projection_dim=16,
    )
    model = transformers.BlipForConditionalGeneration(config)
    model.text_decoder.cls.predictions.bias.data[WORDS.index("cat")] = 50.0  # whatever it sees
    model.save_pretrained(folder)
    size = {"height": 32, "width": 32}
    transformers.BlipProcessor(
        transformers.BlipImageProcessor(size=size),
        transformers.BertTokenizer(str(folder / "vocab.txt"), additional_special_tokens=["[DEC]", "[ENC]"]),
    ).save_pretrained(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("size", [(32, 32), (7, 50)])
def test_a_network_of_the_same_class_says_what_it_was_made_to_say(blip, size):
    captioner = open_captioner(str(blip))
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    said = captioner.describe(Picture("noise.png", pixels, size), 0)
    assert said == captioner.describe(Picture("noise.png", pixels, size), 1)
    assert set(said.split()) == {"cat"} and 1 < len(said.split()) <= MOST_TOKENS


@pytest.mark.slow
def test_a_broken_folder_and_pickled_weights_are_a_sentence(blip, tmp_path):
    import torch

    facts = json.loads((blip / "config.json").read_text())
    for name in (
        "config.json",
        "vocab.txt",
        "tokenizer_config.json",
        "preprocessor_config.json",
        "processor_config.json",
    ):
        if (blip / name).is_file():
            (tmp_path / name).write_bytes((blip / name).read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UsageError, match="holds no captioner that can be loaded"):
        open_captioner(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps(facts | {"model_type": "nobody"}))
    with pytest.raises(UsageError, match="holds no captioner that can be loaded"):
        open_captioner(str(tmp_path))
