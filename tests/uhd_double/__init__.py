"""A stand-in for the `uhd` module: UHD's own names, a device that keeps time, and faults on demand.

`install(monkeypatch)` puts it in the place of the module and returns the `Laboratory` behind it.
"""

import sys
from types import ModuleType

from tests.uhd_double import types_
from tests.uhd_double.device import Laboratory, MultiUSRP, StreamArgs

__all__ = ["Laboratory", "install"]


def install(monkeypatch) -> Laboratory:
    """Make `import uhd` give this double until the test ends."""
    laboratory = Laboratory()
    uhd, usrp, types = ModuleType("uhd"), ModuleType("uhd.usrp"), ModuleType("uhd.types")
    for name in types_.__all__:
        setattr(types, name, getattr(types_, name))
    usrp.MultiUSRP = lambda arguments="": MultiUSRP(laboratory, arguments)
    usrp.StreamArgs = StreamArgs
    uhd.usrp, uhd.types = usrp, types
    uhd.find = lambda arguments="": laboratory.find(arguments)
    for module in (uhd, usrp, types):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr("radio.devices.usrp_link.missing", lambda: "")
    return laboratory
