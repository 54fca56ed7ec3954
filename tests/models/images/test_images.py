import io
import tarfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from models.errors import ModelError
from models.images import files, open_images

RNG = np.random.default_rng(6)


def pixels(height=6, width=9):
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


def test_a_folder_is_sorted_and_exact(tmp_path):
    first, second = pixels(), pixels(1, 1)
    save(tmp_path / "b.png", first)
    save(tmp_path / "a.PNG", second)
    (tmp_path / "notes.txt").write_text("no image")
    source = open_images(tmp_path)
    assert [picture.image_id for picture in source] == ["a.PNG", "b.png"]
    np.testing.assert_array_equal(source[1].pixels, first)
    np.testing.assert_array_equal(source[0].pixels, second)
    assert source.sizes([1, 0]) == [(6, 9), (1, 1)]
    source.check()


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp", ".png"])
def test_every_format_gives_rgb(tmp_path, suffix):
    source = open_images(save(tmp_path / f"x{suffix}", np.full((8, 8, 3), (200, 30, 60), np.uint8)))
    assert len(source) == 1
    assert source[0].pixels.dtype == np.uint8
    assert np.abs(source[0].pixels.astype(int) - (200, 30, 60)).max() < 12


def test_greyscale_palette_and_bilevel(tmp_path):
    grey = pixels()[:, :, 0]
    np.testing.assert_array_equal(open_images(save(tmp_path / "g.png", grey))[0].pixels, np.dstack([grey] * 3))
    Image.fromarray(pixels()).convert("P").save(tmp_path / "p.png")
    assert open_images(tmp_path / "p.png")[0].pixels.shape == (6, 9, 3)
    Image.fromarray(grey).convert("1").save(tmp_path / "l.png")
    assert set(np.unique(open_images(tmp_path / "l.png")[0].pixels)) <= {0, 255}


def test_sixteen_bits_keep_their_brightness(tmp_path):
    deep = np.array([[0, 257 * 100, 65535]], np.uint16)
    picture = open_images(save(tmp_path / "deep.png", deep))[0].pixels
    np.testing.assert_array_equal(picture[0, :, 0], [0, 100, 255])
    assert picture.shape == (1, 3, 3)


def test_transparency_goes_onto_white(tmp_path):
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = (10, 20, 30, 255)
    picture = open_images(save(tmp_path / "alpha.png", rgba))[0].pixels
    np.testing.assert_array_equal(picture[0, 0], (10, 20, 30))
    np.testing.assert_array_equal(picture[1, 1], (255, 255, 255))


def test_a_camera_held_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "turned.jpg", np.zeros((8, 24, 3), np.uint8), exif=exif)
    source = open_images(tmp_path)
    assert source[0].pixels.shape == (24, 8, 3)
    assert source.sizes([0]) == [(24, 8)]


@pytest.mark.parametrize(("height", "width"), [(400, 300), (1, 777), (333, 222), (100, 100)])
def test_big_pictures_are_downsized_and_say_so(tmp_path, height, width):
    save(tmp_path / "big.png", pixels(height, width))
    source = open_images(tmp_path, max_side_px=100)
    picture = source[0]
    assert max(picture.pixels.shape[:2]) <= 100
    assert picture.original_size == (height, width)
    assert source.sizes([0]) == [picture.pixels.shape[:2]]


def test_an_empty_folder_and_a_missing_path(tmp_path):
    with pytest.raises(ModelError, match="holds no image"):
        open_images(tmp_path)
    with pytest.raises(ModelError, match="does not exist"):
        open_images(tmp_path / "nowhere")


def test_a_text_file_named_png(tmp_path):
    (tmp_path / "fake.png").write_text("hello")
    with pytest.raises(ModelError, match=r"fake\.png is not an image"):
        open_images(tmp_path).check()
    with pytest.raises(ModelError, match=r"fake\.png"):
        open_images(tmp_path).sizes([0])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_truncated_and_damaged_files(tmp_path, suffix):
    path = save(tmp_path / f"cut{suffix}", pixels(40, 40))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelError, match="cut"):
        open_images(tmp_path).check()


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_PIXELS", 50)
    save(tmp_path / "bomb.png", pixels(8, 8))
    with pytest.raises(ModelError, match=r"bomb\.png has 8x8 pixels"):
        open_images(tmp_path).check()


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(cut=st.integers(8, 200), place=st.integers(8, 199), value=st.integers(0, 255))
def test_damage_anywhere_is_either_harmless_or_one_sentence(tmp_path, cut, place, value):
    stream = io.BytesIO()
    Image.fromarray(np.arange(12 * 12 * 3, dtype=np.uint8).reshape(12, 12, 3)).save(stream, "PNG")
    content = bytearray(stream.getvalue())
    content[place % len(content)] = value
    (tmp_path / "x.png").write_bytes(bytes(content[:cut]))
    try:
        open_images(tmp_path).check()
    except ModelError as error:
        assert "x.png" in str(error)


def cifar_batch(count):
    records = RNG.integers(0, 256, (count, 3073), dtype=np.uint8)
    return records, records[:, 1:].reshape(count, 3, 32, 32).transpose(0, 2, 3, 1)


def test_cifar_batches_and_archive(tmp_path):
    records, expected = cifar_batch(3)
    (tmp_path / "data_batch_1.bin").write_bytes(records.tobytes())
    np.testing.assert_array_equal(open_images(tmp_path / "data_batch_1.bin")[2].pixels, expected[2])
    np.testing.assert_array_equal(open_images(tmp_path)[1].pixels, expected[1])
    archive = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "data_batch_1.bin", "cifar-10-batches-bin/data_batch_1.bin")
    source = open_images(archive)
    assert len(source) == 3
    assert source.sizes([0]) == [(32, 32)]
    np.testing.assert_array_equal(source[0].pixels, expected[0])


def test_cifar_of_odd_length_and_pickles_are_refused(tmp_path):
    (tmp_path / "data_batch_1.bin").write_bytes(b"\0" * 3072)
    with pytest.raises(ModelError, match="3073"):
        open_images(tmp_path / "data_batch_1.bin")
    (tmp_path / "data_batch_1").write_bytes(b"\x80\x02}q\x01.")
    with pytest.raises(ModelError, match="binary"):
        open_images(tmp_path / "data_batch_1")
    archive = tmp_path / "cifar-10-python.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "data_batch_1", "cifar-10-batches-py/data_batch_1")
    with pytest.raises(ModelError, match="binary"):
        open_images(archive)
    archive.write_bytes(b"not a tar")
    with pytest.raises(ModelError, match="not a readable tar"):
        open_images(archive)


def test_npz(tmp_path):
    batch = RNG.integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", images=batch)
    source = open_images(tmp_path / "set.npz")
    assert source[3].image_id == "set-00003"
    np.testing.assert_array_equal(source[3].pixels, batch[3])
    with pytest.raises(IndexError):
        source[4]


@pytest.mark.parametrize("arrays", [{"x": np.zeros(1)}, {"images": np.zeros((1, 2, 2, 3))}, {"images": np.array([{}])}])
def test_another_npz_is_refused(tmp_path, arrays):
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(ModelError, match=r"set\.npz"):
        open_images(tmp_path / "set.npz")
    (tmp_path / "set.npz").write_bytes(b"garbage")
    with pytest.raises(ModelError, match=r"set\.npz"):
        open_images(tmp_path / "set.npz")


def test_a_cifar_archive_keeps_training_and_test_apart(tmp_path):
    batches = {
        name: cifar_batch(count) for name, count in (("data_batch_1", 3), ("data_batch_2", 2), ("test_batch", 4))
    }
    folder, archive = tmp_path / "cifar-10-batches-bin", tmp_path / "cifar-10-binary.tar.gz"
    folder.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        for name, (records, _) in batches.items():
            (folder / f"{name}.bin").write_bytes(records)
            tar.add(folder / f"{name}.bin", f"cifar-10-batches-bin/{name}.bin")
    for path in (folder, archive):
        assert [len(open_images(path, split=split)) for split in ("all", "train", "test")] == [9, 5, 4]
        test = np.stack([picture.pixels for picture in open_images(path, split="test")])
        np.testing.assert_array_equal(test, batches["test_batch"][1])
    (folder / "test_batch.bin").unlink()
    with pytest.raises(ModelError, match="no test batch"):
        open_images(folder, split="test")
    # What has no split is whole whatever is asked for.
    np.savez(tmp_path / "set.npz", images=np.zeros((3, 8, 8, 3), np.uint8))
    assert len(open_images(tmp_path / "set.npz", split="test")) == 3


def test_a_name_longer_than_names_may_be_is_refused_in_a_sentence():
    with pytest.raises(ModelError, match="cannot be looked at: File name too long"):
        open_images("a" * 5000)
