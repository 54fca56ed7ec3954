"""Any picture to uint8 RGB [H, W, 3], and down to a largest side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Any Pillow mode -> uint8 [H, W, 3]: 16-bit grey keeps its high byte, transparency goes onto white."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        grey = np.asarray(image).astype(np.float64)
        # 16-bit PNG opens as I;16 or I by Pillow's version; "F" from other formats is taken as 0..255.
        scaled = grey if image.mode == "F" else grey / 257.0
        plane = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
        return np.repeat(plane[:, :, None], 3, axis=2)
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, rgba)
    return np.array(image.convert("RGB"), dtype=np.uint8)


def fitted(height: int, width: int, max_side_px: int) -> tuple[int, int]:
    longer = max(height, width)
    if longer <= max_side_px:
        return height, width
    return max(1, round(height * max_side_px / longer)), max(1, round(width * max_side_px / longer))


def downsize(pixels: NDArray[np.uint8], max_side_px: int) -> NDArray[np.uint8]:
    """Area-averaging reduction so that no side exceeds ``max_side_px``; smaller pictures pass unchanged."""
    height, width = fitted(pixels.shape[0], pixels.shape[1], max_side_px)
    if (height, width) == pixels.shape[:2]:
        return pixels
    return np.array(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX), dtype=np.uint8)
