"""Diffusion refinement of decoded pictures: an unconditional prior, error contraction, and DDIM back."""

from models.refiner.refiner import Refiner

__all__ = ["Refiner"]
