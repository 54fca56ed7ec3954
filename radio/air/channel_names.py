"""Names of the fading channels: those of this package and those that installed packages add."""

from functools import lru_cache

import numpy as np
from pydantic_core import PydanticCustomError

from radio.air.tdl import DelayProfile
from radio.errors import ConfigurationError
from radio.extensions import CHANNELS, installed, load

BUILT_IN = ("awgn", "rayleigh", "rician", "tdl-a", "tdl-b", "tdl-c", "tdl-d", "tdl-e")


def channel_names() -> tuple[str, ...]:
    """Every name that `channel` may have on this machine."""
    return (*BUILT_IN, *(name for name in installed(CHANNELS) if name not in BUILT_IN))


def known_channel(name: str) -> str:
    """The name itself; for any other the error that pydantic has for a value that is none of those listed."""
    if name not in BUILT_IN and name not in channel_names():
        expected = ", ".join(repr(known) for known in channel_names())
        raise PydanticCustomError("literal_error", "Input should be one of {expected}", {"expected": expected})
    return name


@lru_cache(maxsize=8)
def installed_profile(name: str) -> DelayProfile:
    """The profile of an added channel. ConfigurationError when it is not a valid `DelayProfile`."""
    profile = load(CHANNELS, name)
    if not isinstance(profile, DelayProfile):
        raise ConfigurationError(f"channel {name!r} is a {type(profile).__name__} and must be a DelayProfile.")
    delays, powers = np.asarray(profile.delays, float), np.asarray(profile.powers, float)
    if delays.ndim != 1 or delays.shape != powers.shape or delays.size == 0:
        raise ConfigurationError(f"channel {name!r} has {delays.size} delays and {powers.size} powers; one each a tap.")
    facts = np.array([*delays, *powers, profile.k_factor], float)
    if not (np.all(facts >= 0) and np.all(np.isfinite(facts))):
        raise ConfigurationError(f"channel {name!r} has a delay, power or K factor that is negative or not finite.")
    if abs(powers.sum() - 1) > 1e-6:
        raise ConfigurationError(f"channel {name!r} has powers of sum {powers.sum():.6g}, which must be 1.")
    return DelayProfile(delays, powers, float(profile.k_factor))
