"""A picture for tests of what is said about it."""

import numpy as np

from models.images import Picture


def picture(image_id):
    return Picture(image_id, np.zeros((8, 8, 3), np.uint8), (8, 8))
