"""Pictures as Pillow reads them back."""

import io

import numpy as np
import pytest
from PIL import Image

from hil.results.png import png


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (7, 1), (32, 32), (33, 20)])
def test_every_pixel_comes_back(shape):
    pixels = np.random.default_rng(3).integers(0, 256, (*shape, 3), np.uint8)
    for given in (pixels, pixels[::-1, ::-1], np.asfortranarray(pixels)):
        with Image.open(io.BytesIO(png(given))) as picture:
            assert picture.format == "PNG" and picture.mode == "RGB"
            np.testing.assert_array_equal(np.asarray(picture), given)


def test_a_flat_picture_is_packed():
    assert len(png(np.full((64, 64, 3), 200, np.uint8))) < 300
