"""Naming pictures from their symbols: what is learnt, what is exported, what is refused; intervals against scipy."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from scipy.stats import binomtest

from models.classifier import PictureClassifier
from models.classifier.network import ClassifierArguments, ClassifierNetwork
from models.decoding.decoder import SemanticDecoder
from models.errors import ModelError
from models.package.manifest import MANIFEST_NAME, Provenance, describe_file, write_manifest
from models.package.networks import NetworkManifest
from models.package.zoo import codec_folder
from models.runtime.encoder import SemanticEncoder
from models.side_information import SideInformation
from models.task import comparison
from models.task.comparison import SYMBOLS, compare_ways, wilson
from models.task.symbol_task import SymbolTask
from models.training.config import AdaptiveChannel
from models.training.task.config import TaskTraining
from models.training.task.finish import finish_task
from models.training.task.loop import adaptive_codec, fresh_task, moved, train_task

NAMES = ["dark", "bright"]


def save_pictures(path, count, seed):
    """Noise around 60 or 190: two classes that symbols must tell apart."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    levels = np.where(labels, 190, 60)[:, None, None, None]
    images = np.clip(levels + 40 * rng.standard_normal((count, 32, 32, 3)), 0, 255).astype(np.uint8)
    np.savez(path, images=images, labels=labels)
    return path


def small_classifier(folder):
    """Of fresh weights, as `train classifier` writes it."""
    network = ClassifierNetwork(ClassifierArguments(2, (4, 8), (0, 1)))
    folder.mkdir()
    save_file(
        {name: tensor.contiguous() for name, tensor in network.state_dict().items()}, folder / "classifier.safetensors"
    )
    given = {"classes": 2, "widths": [4, 8], "blocks": [0, 1], "shortcuts": True, "names": NAMES, "side_px": 32}
    write_manifest(folder, NetworkManifest(
        format_version=1, kind="network", name="small", version="1", architecture="picture-classifier", arguments=given,
        files=[describe_file(folder / "classifier.safetensors")], metrics={}, licence="MIT",
        provenance=Provenance(data="", command="", seed=0, minutes=0, images_seen=0),
    ))  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of a few updates and its folder."""
    place = tmp_path_factory.mktemp("task")
    settings = TaskTraining(
        images=[str(save_pictures(place / "train.npz", 64, 1))],
        validation=[str(save_pictures(place / "val.npz", 48, 2))],
        codec=codec_folder(), classifier=small_classifier(place / "classifier"), out=place / "run", steps=25, batch=16,
        learning_rate=3e-3, average_decay=0.1, name="dark-or-bright",
        channel=AdaptiveChannel(sinr_db=(0.0, 20.0), counts=[16]),
    )  # fmt: skip
    train_task(settings)
    return place, finish_task(settings.out, place / "folder")


def test_it_starts_as_the_decoder_with_the_classifier_behind_it(trained):
    """Before any update: what the classifier says of what the decoder decodes."""
    place, _ = trained
    codec, classifier = adaptive_codec(codec_folder()), PictureClassifier.load(place / "classifier")
    settings = TaskTraining(images=["any"], codec=codec_folder(), classifier=place / "classifier", out=place / "none")
    run = fresh_task(settings, codec).eval()
    features, side = torch.randn(3, 2 * codec.arguments.complex_channels, 4, 4), torch.rand(3, 3)
    with torch.no_grad():
        wanted = classifier.network(codec.decoder(features, side))
        assert torch.allclose(run.head(features, side), wanted, atol=1e-4)
        assert torch.allclose(run.averaged(features, side), wanted, atol=1e-4)


def test_the_rival_leaves_the_decoder_as_it_is(trained):
    place, _ = trained
    settings = TaskTraining(
        images=[str(place / "train.npz")], codec=codec_folder(), classifier=place / "classifier", parts="classifier",
        out=place / "rival", steps=2, batch=4, average_decay=0.1,
    )  # fmt: skip
    head, _ = train_task(settings)
    before = adaptive_codec(codec_folder()).decoder.state_dict()
    assert all(torch.equal(tensor, before[name]) for name, tensor in head.symbols.state_dict().items())
    first = PictureClassifier.load(place / "classifier").network.state_dict()
    assert not torch.equal(head.classes.state_dict()["head.weight"], first["head.weight"])


def test_it_learns_and_says_how_well(trained):
    _, manifest = trained
    accuracy = manifest.metrics["accuracy"]["val.npz"]
    assert accuracy["20"] > 0.9 and accuracy["0"] > 0.75
    assert "/" not in manifest.provenance.command and manifest.provenance.images_seen == 25 * 16


def test_what_is_loaded_names_pictures_that_were_sent(trained):
    place, _ = trained
    encoder, decoder = SemanticEncoder.load(codec_folder()), SemanticDecoder.load(codec_folder(), "cpu")
    task = SymbolTask.load(place / "folder", decoder)
    side = SideInformation(10.0, np.ones(2), np.zeros(2))
    with np.load(place / "val.npz") as archive:
        images, labels = archive["images"][:12], archive["labels"][:12]
    named = [task.name(encoder.encode(one, 0, side), 0, side, 32, 32)[0] for one in images]
    assert np.mean([name == NAMES[label] for name, label in zip(named, labels, strict=True)]) > 0.8
    chances = task.chances(encoder.encode(images[0], 0, side), 0, side, 32, 32)
    assert chances.sum() == pytest.approx(1.0, abs=1e-5)


def test_a_run_starts_from_another_task(trained):
    place, _ = trained
    settings = TaskTraining(
        images=["any"], codec=codec_folder(), classifier=place / "classifier", out=place / "none",
        initial_task=place / "folder",
    )  # fmt: skip
    head = fresh_task(settings, adaptive_codec(codec_folder())).head
    stored = load_file(place / "folder" / "task.safetensors")
    assert all(torch.equal(tensor.float(), stored[name].float()) for name, tensor in head.state_dict().items())


def test_a_task_of_another_encoder_is_refused(trained):
    place, _ = trained
    decoder = SemanticDecoder.load(codec_folder(), "cpu")
    files = decoder.manifest.files
    other = files.model_copy(update={"encoder": files.encoder.model_copy(update={"sha256": "0" * 64})})
    decoder.manifest = decoder.manifest.model_copy(update={"files": other})
    with pytest.raises(ModelError, match="another encoder"):
        SymbolTask.load(place / "folder", decoder)


@pytest.mark.parametrize(
    "spoil",
    [
        {"names": ["one"]},
        {"codec_arguments": None},
        {"codec_arguments": {"decoder_blocks": [2, 9**9]}},
        {"classifier_arguments": {"classes": 3}},
        {"classifier_arguments": {"widths": [1] * 99}},
        {"classifier_arguments": {"colour": "red"}},
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_in_a_sentence(trained, tmp_path, spoil):
    place, _ = trained
    for file in (place / "folder").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    content = json.loads((tmp_path / MANIFEST_NAME).read_text())
    for name, value in spoil.items():
        old = content["arguments"][name]
        content["arguments"][name] = {**old, **value} if isinstance(value, dict) else value
    (tmp_path / MANIFEST_NAME).write_text(json.dumps(content))
    with pytest.raises(ModelError, match="does not hold this task"):
        SymbolTask.load(tmp_path, SemanticDecoder.load(codec_folder(), "cpu"))


def test_both_ways_are_compared_on_the_same_symbols(trained, monkeypatch):
    """A classifier of pictures that looks at their brightness is the rival; at 20 dB both ways name nearly all."""
    place, _ = trained

    class Brightness:
        names, manifest = NAMES, type("Manifest", (), {"name": "brightness"})

        def classify(self, pictures):
            return (pictures.mean(axis=(1, 2, 3)) > 125).astype(int)

    monkeypatch.setattr(PictureClassifier, "load", classmethod(lambda _cls, _name: Brightness()))
    rows = list(
        compare_ways("real-time", str(place / "val.npz"), "awgn", 2, [20.0], place / "folder", ["any"], limit=9)
    )
    by_way = {row.way: row for row in rows}
    assert set(by_way) == {SYMBOLS, "picture: brightness", "original: brightness"}
    assert by_way["picture: brightness"].accuracy == by_way["original: brightness"].accuracy == 1.0
    assert by_way[SYMBOLS].accuracy > 0.75 and all(row.images == 9 for row in rows)
    assert by_way["original: brightness"].snr_db is None
    monkeypatch.setattr(
        comparison, "open_labelled", lambda _path, split: (np.zeros((1, 32, 32, 3), np.uint8), np.array([7]))
    )
    with pytest.raises(ModelError, match="same classes"):
        list(compare_ways("real-time", "", "awgn", 2, [20.0], place / "folder", []))


@given(st.integers(1, 600).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_intervals_are_wilsons(pair):
    right, of = pair
    wanted = binomtest(right, of).proportion_ci(method="wilson")
    assert wilson(right, of) == pytest.approx((wanted.low, wanted.high), abs=1e-6)


def test_pictures_are_moved_and_mirrored_but_not_changed():
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (1, 32, 32, 3), np.uint8)
    padded = np.pad(picture[0], ((4, 4), (4, 4), (0, 0)), mode="reflect")
    parts = {padded[y : y + 32, x : x + 32].tobytes() for y in range(9) for x in range(9)}
    parts |= {
        np.ascontiguousarray(padded[y : y + 32, x : x + 32][:, ::-1]).tobytes() for y in range(9) for x in range(9)
    }
    found = {moved(picture, 4, rng)[0].tobytes() for _ in range(200)}
    assert found <= parts and len(found) > 100
    assert {moved(picture, 0, rng)[0].tobytes() for _ in range(9)} <= parts
