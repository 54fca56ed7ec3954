"""Measurements that installed packages add to `semnoma-hil calibrate measure`."""

from collections.abc import Mapping

from calibration.lab.bench import Bench
from calibration.measure.measurement import Measurement
from hil.errors import UsageError
from radio.extensions import MEASUREMENTS, installed, load


def measure_added(name: str, bench: Bench, user: int) -> dict[str, Measurement]:
    """Run the measurement called `name` on one user of an open bench; its values by name.

    Raises UsageError when it returns anything but `Measurement`s, ConfigurationError when it cannot be imported.
    """
    function = load(MEASUREMENTS, name)
    found = function(bench, user)
    values = dict(found) if isinstance(found, Mapping) else {name: found}
    for key, value in values.items():
        if not isinstance(value, Measurement):
            raise UsageError(f"measurement {name!r} returned a {type(value).__name__} for {key!r}, no Measurement.")
    return values


def check_name(name: str) -> None:
    """UsageError, which lists the installed names, when `name` is not among them."""
    if name not in installed(MEASUREMENTS):
        known = ", ".join(installed(MEASUREMENTS)) or "none"
        raise UsageError(f"no measurement is called {name!r}; installed are: {known}.")
