"""Every scheme by its name."""

from __future__ import annotations

from pathlib import Path

from models.digital.formats import FORMATS
from models.errors import ModelError
from models.evaluation.digital import CAPACITY, DIGITAL, DigitalScheme
from models.evaluation.learned import LearnedScheme
from models.evaluation.refined import RefinedScheme
from models.evaluation.scheme import Scheme
from models.package.zoo import list_codecs
from models.suggestion import did_you_mean


def open_scheme(name: str, users: int, device: str = "auto") -> Scheme:
    """A scheme by name: an installed codec or its folder, CODEC+REFINER, or digital-FORMAT[-capacity].

    ModelError when it is unknown.
    """
    if name.startswith(DIGITAL):
        form = name.removeprefix(DIGITAL)
        return DigitalScheme(form.removesuffix(CAPACITY), form.endswith(CAPACITY))
    codec, plus, refiner = name.partition("+")
    network = codec.partition("@")[0]
    installed = [folder.name for folder in list_codecs()]
    if "/" not in network and network not in installed and not Path(network).is_dir():
        digital = [DIGITAL + form + link for form in FORMATS for link in ("", CAPACITY)]
        known = [*installed, *digital]
        raise ModelError(
            f"{network!r} is no scheme{did_you_mean(network, known)}: known are {', '.join(known)}, "
            f"the folder of a codec, and CODEC+REFINER."
        )
    if plus:
        return RefinedScheme(codec, refiner, users, device)
    return LearnedScheme(name, users, device)
