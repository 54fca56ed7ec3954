"""The refiner that reads captions: what is told changes the picture as much as it should; any size; bad folders."""

import json

import numpy as np
import pytest
import torch

from models.errors import ModelError
from models.export.refiner_folder import export_refiner
from models.package.manifest import Provenance
from models.refiner import Refiner, text_refine
from models.refiner.low_rank import low_rank_parameters, merged, with_low_rank
from models.refiner.text_network import TEXT_ARCHITECTURE, TEXT_SIZE, TextArguments, TextRefinerNetwork
from models.side_information import SideInformation

ARGUMENTS = {"widths": [8, 8], "blocks": [1, 1, 1], "code_size": 8, "text": True}


class Words:
    """An embedder in which every text has a vector of its own."""

    def embed(self, texts):
        return np.stack(
            [np.random.default_rng([ord(c) for c in text]).normal(size=TEXT_SIZE) for text in texts]
        ).astype(np.float32) / np.float32(TEXT_SIZE**0.5)


@pytest.fixture
def embedder(monkeypatch):
    monkeypatch.setattr(text_refine.SentenceEmbedder, "load", lambda: Words())


def network(seed=1):
    """Random weights everywhere, where fresh ones would change nothing."""
    torch.manual_seed(seed)
    made = TextRefinerNetwork(TextArguments((8, 8), (1, 1, 1), 8))
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return made.eval()


def exported(folder, made, **changes):
    told = Provenance(data="", command="", seed=0, minutes=0, images_seen=0, note="")
    arguments = ARGUMENTS | changes
    export_refiner(made, folder, "tiny", "1", arguments, told, {}, "Apache-2.0", {}, "text-one-step", TEXT_ARCHITECTURE)
    return folder


def picture(height=16, width=16):
    return np.random.default_rng(2).random((3, height, width), np.float32)


def test_fresh_weights_change_nothing():
    made = TextRefinerNetwork(TextArguments())
    batch = torch.rand(2, 3, 32, 32) * 2 - 1
    refined = made(batch, torch.tensor([0.0, 20.0]), torch.randn(2, TEXT_SIZE), torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(refined, batch)


def test_what_is_not_told_has_no_effect():
    made, batch, level = network(), torch.rand(2, 3, 8, 8), torch.tensor([5.0, 5.0])
    text, other = torch.randn(2, 2, TEXT_SIZE)
    told = torch.tensor([0.0, 1.0])
    one, two = made(batch, level, text, told), made(batch, level, other, told)
    torch.testing.assert_close(one[0], two[0])
    assert (one[1] - two[1]).abs().max() > 1e-3
    assert (made(batch, level + 5, text, told) - one).abs().max() > 1e-3


@pytest.mark.usefixtures("embedder")
@pytest.mark.parametrize(("height", "width"), [(1, 1), (32, 32), (33, 18), (3, 40)])
def test_any_size_with_and_without_text(tmp_path, height, width):
    refiner = Refiner.load(exported(tmp_path, network()), "cpu")
    image = picture(height, width)
    plain, told = refiner.refine(image, 5.0), refiner.refine(image, 5.0, text="a cat")
    assert plain.shape == told.shape == image.shape and refiner.passes == 1 and refiner.takes_text
    assert told.min() >= 0 and told.max() <= 1
    np.testing.assert_array_equal(told, refiner.refine(image, 5.0, text="a cat"))
    assert refiner.refine(image, 5.0, 0, "a cat") is image
    if height > 3:
        assert np.abs(plain - told).max() > 1e-3
        assert np.abs(refiner.refine(image, 5.0, text="a dog") - told).max() > 1e-3
    refiner.ignore_text()
    np.testing.assert_array_equal(refiner.refine(image, 5.0, text="a cat"), plain)


@pytest.mark.usefixtures("embedder")
def test_strength_and_guidance_are_on_straight_lines(tmp_path):
    made = network()
    for parameter in made.head.parameters():
        parameter.data *= 0.01  # so that nothing is clamped
    image = picture() * 0.2 + 0.4
    shown = {
        key: Refiner.load(exported(tmp_path / f"{key}", made, strength=key[0], guidance=key[1]), "cpu")
        for key in ((1.0, 1.0), (0.5, 1.0), (1.0, 3.0))
    }
    alone, told = (shown[1.0, 1.0].refine(image, 5.0, text=text) for text in ("", "a cat"))
    np.testing.assert_allclose(shown[0.5, 1.0].refine(image, 5.0), (image + alone) / 2, atol=1e-5)
    wanted = alone + 3 * (told - alone)
    np.testing.assert_allclose(shown[1.0, 3.0].refine(image, 5.0, text="a cat"), wanted, atol=1e-5)
    np.testing.assert_allclose(shown[1.0, 3.0].refine(image, 5.0), alone, atol=1e-5)


@pytest.mark.usefixtures("embedder")
def test_a_caption_of_no_weight_is_none(tmp_path):
    image = picture()
    shown = [
        Refiner.load(exported(tmp_path / f"{weight}", network(), caption_weight=weight), "cpu").refine(
            image, 5.0, text=text
        )
        for weight, text in ((1.0, ""), (0.0, "a cat"), (0.5, "a cat"), (1.0, "a cat"))
    ]
    none, unweighted, half, whole = shown
    np.testing.assert_array_equal(none, unweighted)
    assert 0 < np.abs(half - none).mean() < np.abs(whole - none).mean()


def test_it_is_told_the_users_own_sinr(tmp_path):
    refiner = Refiner.load(exported(tmp_path, network()), "cpu")
    ones, zeros = np.ones(2, np.float32), np.zeros(2, np.float32)
    assert refiner.level_db(SideInformation(5.0, ones, zeros), 1) == 5.0
    assert refiner.level_db(SideInformation(5.0, ones, zeros, np.array([3.0, 8.0], np.float32), zeros), 1) == 8.0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"arguments": ARGUMENTS | {"depth": 3}}, "no constructor argument 'depth'"),
        ({"arguments": ARGUMENTS | {"widths": [8]}}, "needs two widths"),
        ({"arguments": ARGUMENTS | {"widths": [16, 8]}}, "does not hold this refiner's weights"),
        ({"arguments": ARGUMENTS | {"strength": "much"}}, "must be numbers"),
        ({"architecture": "anything"}, "is not text-film-unet"),
    ],
)
def test_manifests_that_do_not_fit(tmp_path, change, sentence):
    exported(tmp_path, network())
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | change))
    with pytest.raises(ModelError, match=sentence):
        Refiner.load(tmp_path, "cpu")


def test_low_rank_changes_nothing_at_first_and_is_merged_exactly():
    pytest.importorskip("peft")
    base = network()
    tuned = with_low_rank(base, 2, 4).eval()
    arguments = torch.rand(1, 3, 8, 8), torch.tensor([5.0]), torch.randn(1, TEXT_SIZE), torch.ones(1)
    torch.testing.assert_close(tuned(*arguments), base(*arguments))
    trained = {name for name, parameter in tuned.named_parameters() if parameter.requires_grad}
    assert trained and all("lora_" in name for name in trained)
    assert 0 < low_rank_parameters(tuned) < sum(parameter.numel() for parameter in base.parameters())
    for name, parameter in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    assert (tuned(*arguments) - base(*arguments)).abs().max() > 1e-2
    torch.testing.assert_close(merged(tuned, base)(*arguments), tuned(*arguments), atol=1e-4, rtol=1e-4)
