"""Which radios can be reached from this machine, without a packet onto the network unless that is asked for."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_USB = Path("/sys/bus/usb/devices")
_PLUTO_USB = ("0456", "b673")
_LOCAL_SOAPY_DRIVERS = ("lime", "hackrf", "rtlsdr", "bladerf", "airspy", "sdrplay")
_SIM_PORT = 5600


@dataclass(frozen=True)
class FoundDevice:
    """uri: what --device takes; what: the device's own name and serial number."""

    uri: str
    what: str


def find_devices(network: bool = False, usb: Path = _USB) -> list[FoundDevice]:
    """Everything that answers. network: also broadcast on the networks that this machine is on."""
    found = _simulated() + _plutos_on_usb(usb)
    searches: list[Callable[[bool], list[FoundDevice]]] = [_usrps, _soapy]
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


def _usrps(network: bool) -> list[FoundDevice]:
    import uhd

    found = []
    for address in uhd.find("" if network else "type=b200"):
        entry: dict[str, str] = address.to_dict()
        kind, serial = entry.get("type", ""), entry.get("serial", "")
        found.append(FoundDevice(f"usrp:serial={serial}", f"USRP {entry.get('product', kind)} {serial}".strip()))
    return found


def _soapy(network: bool) -> list[FoundDevice]:
    import SoapySDR

    results: list[Any] = []
    for arguments in [""] if network else [f"driver={name}" for name in _LOCAL_SOAPY_DRIVERS]:
        results += SoapySDR.Device.enumerate(arguments)
    found = []
    for result in results:
        entry = {key: result[key] for key in ("driver", "label", "serial") if key in result.keys()}  # noqa: SIM118
        place = ",".join(f"{key}={entry[key]}" for key in ("driver", "serial") if entry.get(key))
        if entry.get("driver") not in ("uhd", "null", "plutosdr"):  # those have backends of their own here
            found.append(FoundDevice(f"soapy:{place}", entry.get("label", place)))
    return found
