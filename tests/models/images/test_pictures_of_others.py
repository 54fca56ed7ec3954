"""Pictures as other people write them: read as what they show, or refused with one sentence."""

import io
import struct
import warnings
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, features

from models.errors import ModelError
from models.images import open_images

RED, BLUE = (220, 30, 40), (20, 40, 200)


def two_halves(mode="RGB", size=(48, 32)):
    picture = Image.new("RGB", size, RED)
    picture.paste(BLUE, (size[0] // 2, 0, size[0], size[1]))
    return picture.convert(mode)


def read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source = open_images(path)
        picture = source[0]
        assert source.sizes([0]) == [picture.pixels.shape[:2]]
    return picture.pixels.astype(int)


def shows_two_halves(pixels, left=RED, right=BLUE, within=25):
    height, width, _ = pixels.shape
    assert np.abs(pixels[height // 2, width // 4] - left).max() < within
    assert np.abs(pixels[height // 2, 3 * width // 4] - right).max() < within


def test_a_jpeg_without_its_end_is_read_or_named(tmp_path):
    two_halves().save(tmp_path / "a.jpg", quality=95)
    whole = (tmp_path / "a.jpg").read_bytes()
    assert whole[-2:] == b"\xff\xd9"
    (tmp_path / "a.jpg").write_bytes(whole[:-2])
    try:
        shows_two_halves(read(tmp_path / "a.jpg"))
    except ModelError as error:
        assert "a.jpg" in str(error)
    (tmp_path / "a.jpg").write_bytes(whole + b"and a camera's notes" * 100)
    shows_two_halves(read(tmp_path / "a.jpg"))


@pytest.mark.parametrize("characters", [1000, 2_000_000])
def test_a_png_with_much_text_is_read_or_named(tmp_path, characters):
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * characters, zip=True)
    two_halves().save(tmp_path / "a.png", pnginfo=text)
    try:
        shows_two_halves(read(tmp_path / "a.png"))
    except ModelError as error:
        assert characters > 1000 and "a.png" in str(error) and str(error).count("\n") == 0


def test_cmyk_and_inverted_cmyk(tmp_path):
    two_halves("CMYK").save(tmp_path / "a.jpg", quality=95)
    shows_two_halves(read(tmp_path / "a.jpg"), within=60)


def test_sixteen_bits_in_three_channels(tmp_path):
    width, height = 48, 32
    row = b"\0" + b"".join(struct.pack(">3H", *(v * 257 for v in (RED if x < 24 else BLUE))) for x in range(width))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(row * height)),
        (b"IEND", b""),
    )
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    shows_two_halves(read(tmp_path / "a.png"), within=2)


def test_a_palette_with_transparency_lies_on_white(tmp_path):
    picture = Image.new("P", (48, 32), 0)
    picture.putpalette([*BLUE, *RED, *([0] * 762)])
    picture.paste(1, (0, 0, 24, 32))
    picture.save(tmp_path / "a.png", transparency=0)
    shows_two_halves(read(tmp_path / "a.png"), right=(255, 255, 255), within=2)


@pytest.mark.parametrize("orientation", range(1, 10))
def test_every_rotation_of_a_camera(tmp_path, orientation):
    upright = two_halves()
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)  # fmt: skip
    picture, exif = upright.transpose(stored) if stored is not None else upright, Image.Exif()
    exif[0x0112] = orientation  # 9 is none that is defined
    picture.save(tmp_path / "a.jpg", quality=95, exif=exif)
    pixels = read(tmp_path / "a.jpg")
    assert pixels.shape == (32, 48, 3)
    shows_two_halves(pixels)


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_of_an_animation_the_first_picture_is_shown(tmp_path, suffix):
    others = [Image.new("RGB", (48, 32), (0, 255, 0))] * 2
    two_halves().save(tmp_path / f"a.{suffix}", save_all=True, append_images=others, quality=95)
    shows_two_halves(read(tmp_path / f"a.{suffix}"))


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_avif_where_the_library_is_there(tmp_path):
    two_halves(size=(96, 64)).save(tmp_path / "a.avif", quality=95)
    shows_two_halves(read(tmp_path / "a.avif"))


def test_heic_is_one_sentence(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    with pytest.raises(ModelError, match="no image source: allowed are"):
        open_images(tmp_path / "a.heic")
    (tmp_path / "a.png").write_bytes(io.BytesIO(b"\0\0\0\x18ftypheic" + bytes(100)).getvalue())
    with pytest.raises(ModelError, match=r"a\.png"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("at", "value"),
    [
        ({8: b"\x63\0"}, {10: b"\x63\0"}),  # a method of packing that nobody knows
        ({6: b"\1\0"}, {8: b"\1\0"}),  # encrypted
    ],
)
def test_an_npz_that_cannot_be_unpacked_is_one_sentence(tmp_path, at, value):
    """APPNOTE.TXT 4.3.7 and 4.3.12: flags and method of the local header, and of the central directory."""
    path = tmp_path / "pictures.npz"
    np.savez(path, images=np.zeros((1, 4, 4, 3), np.uint8))
    content = bytearray(path.read_bytes())
    for start, changes in ((0, at), (content.rindex(b"PK\1\2"), value)):
        for offset, new in changes.items():
            content[start + offset : start + offset + len(new)] = new
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a readable"):
        open_images(path)


def test_an_npz_that_lies_about_its_size_is_one_sentence(tmp_path):
    path = tmp_path / "pictures.npz"
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 1000, 1000, 3), }"
    header = header.ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header + bytes(48))
    with pytest.raises(ModelError, match="not a readable"):
        open_images(path)
