"""Which devices SoapySDR's modules find, by the URIs that open them."""

from radio.devices.only_one import only_one
from radio.discovery import FoundDevice
from radio.libraries import soapy

_LOCAL_DRIVERS = ("lime", "hackrf", "rtlsdr", "bladerf", "airspy", "sdrplay")
_OWN_BACKENDS = ("uhd", "null", "plutosdr")  # have backends of their own here, or are none


def find_devices(network: bool) -> list[FoundDevice]:
    """Devices on this machine, and with `network` all that answer. DeviceError when SoapySDR cannot look."""
    results: list[dict[str, str]] = []
    for arguments in [""] if network else [f"driver={name}" for name in _LOCAL_DRIVERS]:
        results += soapy.find(arguments)
    found = []
    for entry in results:
        place = ",".join(f"{key}={entry[key]}" for key in ("driver", "serial") if entry.get(key))
        if entry.get("driver") not in _OWN_BACKENDS:
            found.append(FoundDevice(f"soapy:{place}", entry.get("label", place)))
    return found


def the_one(uri: str) -> str:
    """SoapySDR's arguments of the only device there is.

    DeviceError when there is none, ConfigurationError that lists them when there are several.
    """
    return only_one(uri, "SoapySDR device", find_devices(network=True), "soapy:driver=lime", "SoapySDRUtil --find")
