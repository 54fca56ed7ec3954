"""Labelled pictures: .npz of pixels and of JPEG files, CIFAR-10's archive, and what is none of them."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from models.errors import ModelError
from models.images.labelled import CIFAR_CLASSES, open_labelled

PICTURES = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), np.uint8)
LABELS = np.array([3, 9, 0, 3], np.uint8)


def test_pixels(tmp_path):
    np.savez(tmp_path / "a.npz", images=PICTURES, labels=LABELS)
    pictures, labels = open_labelled(tmp_path / "a.npz")
    np.testing.assert_array_equal(pictures, PICTURES)
    assert labels.dtype == np.int64 and labels.tolist() == LABELS.tolist()


def test_jpeg_files_are_what_pillow_reads(tmp_path):
    parts = []
    for picture in PICTURES:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=75)
        parts.append(stream.getvalue())
    offsets = np.cumsum([0, *map(len, parts)])
    content = np.frombuffer(b"".join(parts), np.uint8)
    np.savez(tmp_path / "a.npz", jpeg_bytes=content, offsets=offsets, labels=LABELS)
    pictures, _ = open_labelled(tmp_path / "a.npz")
    np.testing.assert_array_equal(pictures[2], np.asarray(Image.open(io.BytesIO(parts[2]))))
    np.savez(tmp_path / "b.npz", jpeg_bytes=content[::-1], offsets=offsets, labels=LABELS)
    with pytest.raises(ModelError, match="a JPEG picture that cannot be read"):
        open_labelled(tmp_path / "b.npz")


@pytest.fixture
def batches(tmp_path):
    """Two batches as CIFAR-10 has them: a byte of label, then the planes."""
    planes = PICTURES.transpose(0, 3, 1, 2).reshape(4, -1)
    records = np.concatenate([LABELS[:, None], planes], axis=1)
    folder = tmp_path / "cifar"
    folder.mkdir()
    (folder / "data_batch_1.bin").write_bytes(records[:3].tobytes())
    (folder / "test_batch.bin").write_bytes(records[3:].tobytes())
    with tarfile.open(tmp_path / "cifar.tar.gz", "w:gz") as archive:
        for path in folder.iterdir():
            archive.add(path, f"cifar-10-batches-bin/{path.name}")
    return tmp_path


@pytest.mark.parametrize("name", ["cifar", "cifar.tar.gz"])
def test_cifar_and_its_splits(batches, name):
    for split, kept in (("train", slice(0, 3)), ("test", slice(3, 4)), ("all", slice(0, 4))):
        pictures, labels = open_labelled(batches / name, split)
        np.testing.assert_array_equal(pictures, PICTURES[kept])
        assert labels.tolist() == LABELS[kept].tolist()
    assert CIFAR_CLASSES[LABELS[0]] == "cat"


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"images": PICTURES}, "has no array 'labels'"),
        ({"images": PICTURES, "labels": LABELS[:2]}, r"4 pictures, but labels of the shape \[2\]"),
        ({"images": PICTURES, "labels": LABELS / 2}, "'labels' must be whole numbers"),
        ({"labels": LABELS}, "is not a readable .npz of pictures with labels"),
    ],
)
def test_what_is_not_labelled(tmp_path, arrays, sentence):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ModelError, match=sentence):
        open_labelled(tmp_path / "a.npz")


def test_folders_of_pictures_have_no_labels(tmp_path):
    with pytest.raises(ModelError, match="holds no CIFAR-10"):
        open_labelled(tmp_path)
    with pytest.raises(ModelError, match="does not exist"):
        open_labelled(tmp_path / "none.npz")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ModelError, match="has no labels"):
        open_labelled(tmp_path / "a.png")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "offsets",
    [np.array([[0, 5], [5, 9]]), np.array(5), np.array([0.0, np.nan]), np.array(["a", "b"])],
    ids=["two axes", "none", "not whole", "text"],
)
def test_offsets_that_are_none_are_refused_in_a_sentence(tmp_path, offsets):
    np.savez(tmp_path / "a.npz", jpeg_bytes=np.zeros(9, np.uint8), offsets=offsets, labels=LABELS[:1])
    with pytest.raises(ModelError, match=r"'offsets' must be whole numbers \[n \+ 1\]"):
        open_labelled(tmp_path / "a.npz")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side_px", [10_001, 20_000])
def test_a_picture_that_would_fill_the_memory_is_refused_in_a_sentence(tmp_path, side_px):
    stream = io.BytesIO()
    Image.new("1", (side_px, side_px)).save(stream, "PNG", compress_level=1)
    content = np.frombuffer(stream.getvalue(), np.uint8)
    np.savez(tmp_path / "a.npz", jpeg_bytes=content, offsets=[0, content.size], labels=LABELS[:1])
    with pytest.raises(ModelError, match=r"cannot be read: .*pixels"):
        open_labelled(tmp_path / "a.npz")
