"""Training the refiner that reads captions, and fine-tuning it: what it is shown, what it learns, how runs resume."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from hil.cli.codecs.evaluate import command as evaluate_command
from hil.cli.codecs.train import command as train_command
from models.codecs.adaptive import AdaptiveArguments, AdaptiveCodec
from models.errors import ModelError
from models.export.codec_folder import CodecCard, export_codec
from models.package.manifest import Provenance
from models.package.zoo import codec_folder
from models.refiner import Refiner, text_refine
from models.text import EMBEDDING_SIZE
from models.training.adaptive.finish import SIDE_FIELDS
from models.training.codec.warm_start import load_torch_codec
from models.training.refiner import lora_loop, text_finish, text_loop
from models.training.refiner.captions import FORMS, HELD_BACK, WORDS, captions_of
from models.training.refiner.lora_loop import finish_refiner_lora, train_refiner_lora
from models.training.refiner.lora_settings import RefinerLoraTraining
from models.training.refiner.text_finish import finish_text_refiner
from models.training.refiner.text_loop import TextPairs, train_text_refiner
from models.training.refiner.text_settings import TextRefinerTraining

pytestmark = pytest.mark.slow
TOLD = Provenance(data="none", command="none", seed=0, minutes=0, images_seen=0)


class Words:
    """Texts of different words have different vectors, orthogonal as long as there are few."""

    def __init__(self):
        self.known = {}

    def embed(self, texts):
        rows = np.zeros((len(texts), EMBEDDING_SIZE), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[self.known.setdefault(text, len(self.known)) % EMBEDDING_SIZE] = 1
        return rows


@pytest.fixture
def words(monkeypatch):
    one = Words()
    for module in (text_loop, lora_loop, text_refine):
        monkeypatch.setattr(module.SentenceEmbedder, "load", lambda: one)
    return one


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    torch.manual_seed(1)
    arguments = AdaptiveArguments(
        latent_channels=8, encoder_widths=(8, 8), decoder_widths=(8, 8), encoder_blocks=(1, 1), decoder_blocks=(1, 1)
    )
    codec = AdaptiveCodec(arguments).eval()
    for parameter in codec.parameters():  # fresh ones hold zeros alike, of which an ONNX file keeps one
        torch.nn.init.normal_(parameter, std=0.2)
    folder = tmp_path_factory.mktemp("codec") / "tiny"
    export_codec(codec, folder, CodecCard("tiny", "0", SIDE_FIELDS, TOLD, {}, "Apache-2.0"))
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "set.npz"
    rng = np.random.default_rng(1)
    np.savez(path, images=rng.integers(0, 256, (10, 32, 32, 3), np.uint8), labels=np.arange(10))
    return str(path)


def settings(pictures, codec, out, **changes):
    channel = {"sinr_db": (-2.0, 20.0), "counts": [2], "any_count": 0.0}
    few = {"widths": [4, 4], "blocks": [1, 1, 1], "code_size": 8, "batch": 4, "mixed_precision": "no", "steps": 4}
    return TextRefinerTraining(
        **{"images": [pictures], "codec": codec, "out": out, "channel": channel, "perceptual": 0, "class_weight": 0}
        | few
        | changes
    )


def test_an_adaptive_codec_is_read_back_out_of_its_folder(codec):
    """Also its kernels, which the exporter folds into another shape; the function itself compares the outputs."""
    assert isinstance(load_torch_codec(codec), AdaptiveCodec)


@pytest.mark.usefixtures("words")
def test_pairs_are_decoded_pictures_with_a_text_of_their_class(pictures, codec, tmp_path, words):
    given = settings(pictures, codec, tmp_path, batch=200, text_dropped=0.25)
    pairs = TextPairs(given, torch.device("cpu"))
    batch, again = pairs.draw([1, 2]), pairs.draw([1, 2])
    torch.testing.assert_close(batch.decoded, again.decoded)
    assert batch.decoded.shape == batch.originals.shape == (200, 3, 32, 32)
    assert (batch.decoded - batch.originals).abs().mean() > 0.01
    assert 0.65 < batch.told.mean() < 0.85 and (batch.text[batch.told == 0] == 0).all()
    assert batch.snr_db.min() < 2 and batch.snr_db.max() > 16
    texts = list(words.known)
    for label, row, told in zip(batch.labels, batch.text, batch.told, strict=True):
        if told:
            assert texts[int(row.argmax())] in captions_of(given.names[int(label)])


def test_captions_say_the_class_and_none_that_is_held_back():
    assert "a picture of an airplane" in captions_of("airplane") and "a photo of a house cat" in captions_of("cat")
    assert captions_of("traffic_light")[0] == "a picture of a traffic light"
    everything = [text for name in WORDS for text in captions_of(name)]
    assert len(everything) == sum(map(len, WORDS.values())) * len(FORMS) == len(set(everything))
    assert not set(HELD_BACK.values()) & set(everything) and set(HELD_BACK) == set(WORDS)


@pytest.mark.usefixtures("words")
def test_it_learns_to_take_the_codecs_error_off(pictures, codec, tmp_path):
    _, long = train_text_refiner(settings(pictures, codec, tmp_path / "a", steps=60, learning_rate=5e-3))
    log = [json.loads(line) for line in (tmp_path / "a" / "training.jsonl").read_text().splitlines()]
    pairs = TextPairs(settings(pictures, codec, tmp_path, batch=50), torch.device("cpu")).draw([1, 1])
    before_db = -10 * (pairs.decoded - pairs.originals).square().mean(dim=(1, 2, 3)).log10().mean()
    assert long.finished and log[-1]["figure"] > before_db + 0.3


@pytest.mark.usefixtures("words")
def test_a_killed_run_goes_on_as_if_it_had_not_been(pictures, codec, whole_and_in_parts):
    whole, parts = whole_and_in_parts(
        lambda out, resume: train_text_refiner(settings(pictures, codec, out, checkpoint_s=1e-9), resume)
    )
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


@pytest.mark.usefixtures("words")
def test_a_finished_run_is_a_refiner_with_its_figures(pictures, codec, tmp_path, monkeypatch):
    given = settings(pictures, codec, tmp_path / "run", validation=[pictures], name="tiny-text")
    trained, _ = train_text_refiner(given)
    monkeypatch.setattr(text_finish, "load_measure", lambda _name: lambda _pairs: 0.5)
    monkeypatch.setattr(text_finish, "SNRS_DB", (5.0,))
    manifest = finish_text_refiner(given.out, given.out / "tiny-text")
    measured = manifest.metrics["set.npz"]
    assert set(measured) == {"decoded", "without_text", "right_caption", "wrong_caption"}
    assert (
        manifest.provenance.command.startswith("semnoma-hil train text-refiner") and manifest.method == "text-one-step"
    )
    refiner = Refiner.load(given.out / "tiny-text", "cpu")
    for name, tensor in trained.state_dict().items():
        torch.testing.assert_close(refiner.network.state_dict()[name], tensor.half().float())


def test_what_is_missing_is_one_sentence(pictures, codec, tmp_path):
    with pytest.raises(ModelError, match="name it with --classifier"):
        train_text_refiner(settings(pictures, codec, tmp_path / "a", class_weight=1.0, text=False))
    with pytest.raises(ModelError, match="is no adaptive codec"):
        train_text_refiner(settings(pictures, codec_folder("compact-2u"), tmp_path / "b", text=False))


@pytest.mark.usefixtures("words")
def test_lora_moves_the_refiner_and_leaves_the_first_one_alone(pictures, codec, tmp_path):
    pytest.importorskip("peft")
    base = settings(pictures, codec, tmp_path / "base", name="base")
    train_text_refiner(base)
    finish_text_refiner(base.out, base.out / "base")
    before = (base.out / "base" / "prior.safetensors").read_bytes()
    given = RefinerLoraTraining(
        images=[pictures], refiner=base.out / "base", codec=codec, captions=["a cat"] * 10, out=tmp_path / "lora",
        rank=2, crop_px=32, batch=4, steps=5, perceptual=0, mixed_precision="no", channel=base.channel,
    )  # fmt: skip
    train_refiner_lora(given)
    manifest = finish_refiner_lora(given.out, given.out / "refiner-lora")
    assert manifest.metrics["fine_tuned_from"] == "base 0.1.0" and manifest.metrics["trained_parameters"] > 0
    own, tuned = (load_file(folder / "prior.safetensors") for folder in (base.out / "base", given.out / "refiner-lora"))
    assert own.keys() == tuned.keys() and any((own[name] != tuned[name]).any() for name in own)
    assert (base.out / "base" / "prior.safetensors").read_bytes() == before
    image = np.random.default_rng(1).random((3, 32, 32), np.float32)
    assert Refiner.load(given.out / "refiner-lora", "cpu").refine(image, 5.0, text="a cat").shape == image.shape
    with pytest.raises(ModelError, match="9 captions, but 10 pictures"):
        train_refiner_lora(given.model_copy(update={"captions": ["a"] * 9, "out": tmp_path / "c"}))


@pytest.mark.usefixtures("words")
def test_the_commands_train_and_tell_the_refiner_each_pictures_label(pictures, codec, tmp_path, monkeypatch):
    config = tmp_path / "tiny.yaml"
    config.write_text("widths: [4, 4]\nblocks: [1, 1, 1]\nbatch: 2\nperceptual: 0\nclass_weight: 0\nname: tiny-text\n")
    asked = ["text-refiner", "--config", str(config), "--codec", str(codec), "--images", pictures, "--steps", "2"]
    result = CliRunner().invoke(train_command, [*asked, "--out", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    seen = []
    monkeypatch.setattr(
        Refiner,
        "refine",
        lambda _self, picture, snr_db, passes=None, text=None: (seen.append((snr_db, text)), picture)[1],
    )
    name = f"{codec}+{tmp_path / 'run' / 'tiny-text'}"
    measured = ["--images", pictures, "--scheme", name, "--snr", "5", "--limit", "5", "--json", "--captions", "labels"]
    result = CliRunner().invoke(evaluate_command, [*measured, "--metric", "class-accuracy"])
    assert result.exit_code == 0, result.output
    assert 0 <= json.loads(result.output)[0]["class_accuracy"] <= 1
    said = [f"a picture of {text}" for text in ("an airplane", "an automobile", "a bird", "a cat", "a deer")]
    assert [text for _, text in seen] == [*said, said[0]]  # the last frame is filled up
    assert all(snr_db == pytest.approx(5, abs=0.1) for snr_db, _ in seen)
