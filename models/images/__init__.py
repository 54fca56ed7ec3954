"""Pictures from wherever they are, always as uint8 RGB [H, W, 3]. No torch."""

from models.images.open import open_images
from models.images.source import ImageSource, Picture

__all__ = ["ImageSource", "Picture", "open_images"]
