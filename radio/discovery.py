"""Which radios can be reached from this machine, without a packet onto the network unless that is asked for."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from radio.backends import searchable_modules

_USB = Path("/sys/bus/usb/devices")
_PLUTO_USB = ("0456", "b673")
_SIM_PORT = 5600


@dataclass(frozen=True)
class FoundDevice:
    """uri: what --device takes; what: the device's own name and serial number."""

    uri: str
    what: str


def find_devices(network: bool = False, usb: Path = _USB) -> list[FoundDevice]:
    """Everything that answers. network: also broadcast on the networks that this machine is on."""
    found = _simulated() + _plutos_on_usb(usb)
    searches: list[Callable[[bool], list[FoundDevice]]] = [module.find_devices for module in searchable_modules()]
    if network:
        searches.insert(0, _plutos_on_network)
    for search in searches:
        try:
            found += search(network)
        except Exception:  # a driver that is absent or broken finds nothing; doctor says why
            continue
    return list({device.uri: device for device in found}.values())


def _simulated() -> list[FoundDevice]:
    with socket.socket() as probe:
        probe.settimeout(0.3)
        if probe.connect_ex(("127.0.0.1", _SIM_PORT)):
            return []
    return [FoundDevice(f"sim:tcp://127.0.0.1:{_SIM_PORT}", "simulated air")]


def _plutos_on_usb(usb: Path) -> list[FoundDevice]:
    found = []
    for device in sorted(usb.glob("*")) if usb.is_dir() else []:
        identity = tuple(_text(device / name) for name in ("idVendor", "idProduct"))
        if identity == _PLUTO_USB:
            found.append(FoundDevice("pluto:usb:", f"ADALM-PlutoSDR {_text(device / 'serial')}".strip()))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _plutos_on_network(_network: bool) -> list[FoundDevice]:
    import iio

    contexts: dict[str, str] = iio.scan_contexts()
    return [FoundDevice(f"pluto:{uri}", text) for uri, text in contexts.items() if "pluto" in text.lower()]
