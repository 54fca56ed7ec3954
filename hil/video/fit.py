"""A picture of any size and shape to the session's."""

import numpy as np
from PIL import Image

FITS = ("crop", "pad", "stretch")


def fit(pixels: np.ndarray, width: int, height: int, how: str, pixel_aspect: float = 1.0) -> np.ndarray:
    """uint8 [H, W, 3] -> uint8 [height, width, 3].

    how: "crop" fills the frame and cuts off what is over on both sides, "pad" shows all between black bars, "stretch"
    shows all and keeps no proportions. pixel_aspect: width of the source's pixels over their height.
    """
    source_height, source_width = pixels.shape[:2]
    if (source_height, source_width) == (height, width) and pixel_aspect == 1.0:
        return np.ascontiguousarray(pixels)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    wanted = width / height / pixel_aspect  # proportions in the source's own pixels
    given = source_width / source_height
    if how == "crop":
        kept_width = min(1.0, wanted / given) * source_width
        kept_height = min(1.0, given / wanted) * source_height
        left, top = (source_width - kept_width) / 2, (source_height - kept_height) / 2
        return _resized(picture, width, height, (left, top, left + kept_width, top + kept_height))
    whole = (0.0, 0.0, float(source_width), float(source_height))
    if how == "stretch":
        return _resized(picture, width, height, whole)
    inner_width = max(1, round(min(1.0, given / wanted) * width))
    inner_height = max(1, round(min(1.0, wanted / given) * height))
    framed = np.zeros((height, width, 3), np.uint8)
    top_px, left_px = (height - inner_height) // 2, (width - inner_width) // 2
    inner = _resized(picture, inner_width, inner_height, whole)
    framed[top_px : top_px + inner_height, left_px : left_px + inner_width] = inner
    return framed


def _resized(picture: Image.Image, width: int, height: int, box: tuple[float, float, float, float]) -> np.ndarray:
    """Means over the source's pixels where there are more of them, between them where there are fewer."""
    shrinks = box[2] - box[0] >= width and box[3] - box[1] >= height
    how = Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC
    return np.array(picture.resize((width, height), how, box=box), dtype=np.uint8)
