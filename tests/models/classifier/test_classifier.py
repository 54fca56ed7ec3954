"""The classifier of pictures: trained on classes that differ by colour, stored, loaded, and refused where broken."""

import json

import numpy as np
import pytest

from models.classifier import DEFAULT_CLASSIFIER, PictureClassifier
from models.errors import ModelError
from models.evaluation.class_accuracy import class_accuracy
from models.package.zoo import network_folder
from models.training.classifier.finish import finish_classifier
from models.training.classifier.loop import train_classifier
from models.training.classifier.settings import ClassifierTraining


def coloured(count, seed):
    """Pictures of noise with one colour plane brighter than the others; the label says which."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=count)
    pictures = rng.integers(0, 120, (count, 16, 16, 3), np.uint8)
    pictures[np.arange(count), :, :, labels] += 100
    return pictures, labels


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classifier")
    for name, seed in (("train", 1), ("test", 2)):
        pictures, labels = coloured(60, seed)
        np.savez(folder / f"{name}.npz", images=pictures, labels=labels)
    settings = ClassifierTraining(
        images=[str(folder / "train.npz")], validation=[str(folder / "test.npz")], out=folder / "run", steps=25,
        names=["red", "green", "blue"], widths=[4, 8], blocks=[0, 1], batch=16, mixed_precision="no", name="colours",
    )  # fmt: skip
    train_classifier(settings)
    return settings


@pytest.fixture(scope="module")
def folder(run):
    finish_classifier(run.out, run.out / "colours")
    return run.out / "colours"


def test_it_learns_and_says_how_well(folder):
    measured = json.loads((folder / "manifest.json").read_text())["metrics"]["test.npz"]
    assert measured == {"pictures": 60, "accuracy": 1.0}
    pictures, labels = coloured(20, 3)
    judge = PictureClassifier.load(folder, "cpu")
    chances = judge.chances(pictures)
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(judge.classify(pictures), labels)
    assert [judge.names[label] for label in labels[:2]] == [["red", "green", "blue"][label] for label in labels[:2]]


def test_other_sizes_are_resized(folder):
    pictures, labels = coloured(9, 4)
    larger = pictures.repeat(3, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(PictureClassifier.load(folder, "cpu").classify(larger), labels)


def test_class_accuracy_is_the_share_of_right_ones(folder):
    pictures, labels = coloured(10, 5)
    wrong = np.where(np.arange(10) < 4, (labels + 1) % 3, labels)
    assert class_accuracy(labels, str(folder))([(pictures, pictures)]) == 1.0
    assert class_accuracy(wrong, str(folder))([(pictures[::-1], pictures[:6]), (pictures, pictures[6:])]) == 0.6
    with pytest.raises(ModelError, match="10 labels, but 11 pictures"):
        class_accuracy(labels, str(folder))([(pictures, pictures), (pictures, pictures[:1])])
    with pytest.raises(ModelError, match="labels from 0 to 2"):
        class_accuracy(labels + 3, str(folder))


def test_a_resumed_training_is_the_uninterrupted_one(run, tmp_path):
    settings = run.model_copy(update={"out": tmp_path / "a", "steps": 4})
    whole, _ = train_classifier(settings)
    first = settings.model_copy(update={"out": tmp_path / "b", "go_minutes": 1e-9})
    train_classifier(first)
    parts, progress = train_classifier(first.model_copy(update={"go_minutes": None}), resume=True)
    assert progress.step == 4
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"widths": [4, 4]}, "does not hold this classifier"),
        ({"blocks": [0]}, "a width and a number of blocks for each resolution"),
        ({"names": ["red"]}, "its names are not one for each class"),
        ({"classes": None}, "does not hold this classifier"),
    ],
)
def test_manifests_that_do_not_fit(folder, tmp_path, change, sentence):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["arguments"] |= change
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "classifier.safetensors").write_bytes((folder / "classifier.safetensors").read_bytes())
    with pytest.raises(ModelError, match=sentence):
        PictureClassifier.load(tmp_path, "cpu")


def test_broken_pictures_and_labels_are_refused(folder, run, tmp_path):
    with pytest.raises(ModelError, match="must be uint8"):
        PictureClassifier.load(folder, "cpu").chances(np.zeros((1, 16, 16), np.uint8))
    with pytest.raises(ModelError, match="labels from 0 to 2, but 2 classes"):
        train_classifier(run.model_copy(update={"out": tmp_path / "run", "names": ["red", "green"]}))


def test_the_packaged_one_knows_ten_classes():
    judge = PictureClassifier.load(device="cpu")
    assert network_folder(DEFAULT_CLASSIFIER).name == "classifier-32" and len(judge.names) == 10
    measured = judge.manifest.metrics["cifar10_test_first512.npz"]
    assert measured["pictures"] == 512 and measured["accuracy"] > 0.8
