"""An ADALM-PlutoSDR in software: real libiio and pyadi-iio talk to it over their network protocol.

`EmulatedAir` carries samples between any number of `EmulatedPluto`s; each listens on a loopback port of its own.
"""

from tests.emulated_pluto.air import EmulatedAir
from tests.emulated_pluto.server import EmulatedPluto

__all__ = ["EmulatedAir", "EmulatedPluto"]
