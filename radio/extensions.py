"""What other installed packages add, by entry points (importlib.metadata): radios, channels, measurements,
modalities.

A package names its additions in its own pyproject.toml and nothing here changes; see "Add a device" in the docs.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from radio.errors import ConfigurationError

RADIOS = "semnoma_hil.radios"  # a URI's scheme -> a module with open_device
CHANNELS = "semnoma_hil.channels"  # a channel's name -> a DelayProfile
MEASUREMENTS = "semnoma_hil.measurements"  # a name -> a function of a bench and a user
MODALITIES = "semnoma_hil.modalities"  # a name -> a class of `models.modality.base.Modality`


def installed(group: str) -> dict[str, EntryPoint]:
    """The group's entry points by name; of two packages with one name the first that is found."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=group):
        found.setdefault(entry.name, entry)
    return dict(sorted(found.items()))


def load(group: str, name: str) -> Any:
    """The object behind an installed name. ConfigurationError when it is not installed or cannot be imported."""
    entry = installed(group).get(name)
    if entry is None:
        raise ConfigurationError(f"no installed package adds {name!r} to {group}; pip install the one that does.")
    try:
        return entry.load()
    except Exception as error:  # a foreign module may raise anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigurationError(f"{name!r} of {group} ({entry.value}) cannot be imported: {reason}.") from error
