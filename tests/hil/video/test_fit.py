"""Pictures brought to the session's size: corners, bars and means that can be said beforehand."""

import numpy as np
import pytest

from hil.video.fit import fit


def quarters(height, width):
    """Red, green / blue, white."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (255, 0, 0)
    picture[: height // 2, width // 2 :] = (0, 255, 0)
    picture[height // 2 :, : width // 2] = (0, 0, 255)
    picture[height // 2 :, width // 2 :] = 255
    return picture


def test_the_right_size_is_left_alone():
    picture = np.random.default_rng(1).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    for how in ("crop", "pad", "stretch"):
        assert np.array_equal(fit(picture, 40, 24, how), picture)


def test_half_the_size_is_the_mean_of_four():
    picture = np.random.default_rng(1).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    means = picture.reshape(16, 2, 24, 2, 3).mean((1, 3))
    assert np.max(np.abs(fit(picture, 24, 16, "crop") - means)) <= 1


def test_crop_cuts_off_both_sides_alike():
    wide = np.zeros((32, 96, 3), np.uint8)
    wide[:, 32:64] = 200  # the square in the middle
    assert np.all(fit(wide, 16, 16, "crop") == 200)
    assert np.all(fit(np.rot90(wide), 16, 16, "crop") == 200)


def test_pad_shows_all_between_black_bars():
    wide = np.full((32, 64, 3), 200, np.uint8)
    framed = fit(wide, 32, 32, "pad")
    assert np.all(framed[8:24] == 200) and not framed[:8].any() and not framed[24:].any()


def test_stretch_shows_all():
    stretched = fit(quarters(20, 200), 10, 10, "stretch")
    assert [tuple(stretched[y, x]) for y, x in ((1, 1), (1, 8), (8, 1), (8, 8))] == [
        (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255),
    ]  # fmt: skip


@pytest.mark.parametrize("aspect", [2.0, 0.5])
def test_pixels_that_are_not_square_are_shown_square(aspect):
    """A square of the scene is one on the screen."""
    picture = np.zeros((64, 64, 3), np.uint8)
    half = (8, 16) if aspect == 2 else (16, 8)  # in pixels, of a square of 32 units
    picture[32 - half[1] : 32 + half[1], 32 - half[0] : 32 + half[0]] = 255
    shown = fit(picture, 64, 64, "crop", aspect)[..., 0] > 128
    assert abs(int(shown.any(0).sum()) - int(shown.any(1).sum())) <= 1


@pytest.mark.parametrize("how", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (7, 13), (2000, 3)])
def test_any_shape_fits(how, size):
    assert fit(np.full((*size, 3), 9, np.uint8), 33, 17, how).shape == (17, 33, 3)
