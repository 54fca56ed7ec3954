"""Rows and pictures of two runs that are the same but for float rounding.

Pictures that are decoded together, or by a graph of the network, differ from others by one level here and there; which
ones are is for the receiver's threads to race for.
"""

import numpy as np
import pytest
from PIL import Image


def assert_alike(before, after):
    """Rows as dictionaries: figures of quality within 0.01, everything else the same."""
    figures = [name for name in before if name.endswith(("score", "psnr_db", "ssim"))]
    assert {name: after[name] for name in figures} == pytest.approx({name: before[name] for name in figures}, abs=1e-2)
    rest = [{name: value for name, value in row.items() if name not in figures} for row in (before, after)]
    assert rest[0] == rest[1]


def assert_same_picture(first, second):
    """Files of pictures, of which no value differs by more than one level."""
    assert np.abs(_pixels(first) - _pixels(second)).max() <= 1


def _pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture, np.int16)
