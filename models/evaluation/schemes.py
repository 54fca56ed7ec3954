"""Every scheme by its name."""

from __future__ import annotations

from models.evaluation.digital import CAPACITY, DIGITAL, DigitalScheme
from models.evaluation.learned import LearnedScheme
from models.evaluation.refined import RefinedScheme
from models.evaluation.scheme import Scheme


def open_scheme(name: str, users: int, device: str = "auto") -> Scheme:
    """A scheme by name: an installed codec or its folder, CODEC+REFINER, or digital-FORMAT[-capacity].

    ModelError when it is unknown.
    """
    if name.startswith(DIGITAL):
        form = name.removeprefix(DIGITAL)
        return DigitalScheme(form.removesuffix(CAPACITY), form.endswith(CAPACITY))
    codec, plus, refiner = name.partition("+")
    if plus:
        return RefinedScheme(codec, refiner, users, device)
    return LearnedScheme(name, users, device)
