"""Refinement of decoded pictures: by diffusion, in one pass, or by a pipeline out of a folder of the user's."""

from models.refiner.opening import AnyRefiner, open_refiner
from models.refiner.refiner import Refiner

__all__ = ["AnyRefiner", "Refiner", "open_refiner"]
