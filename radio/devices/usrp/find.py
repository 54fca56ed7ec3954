"""Which USRPs there are, by the URIs that open them, and the only one where none was named."""

from radio.devices.only_one import only_one
from radio.discovery import FoundDevice
from radio.libraries import uhd

_ON_THIS_MACHINE = "type=b200"  # on USB; every other kind is looked for by broadcasts


def find_devices(network: bool) -> list[FoundDevice]:
    """USRPs on USB, and with `network` all that answer a broadcast. DeviceError or UhdError when UHD cannot look."""
    found = []
    for facts in uhd.find("" if network else _ON_THIS_MACHINE):
        serial, address = facts.get("serial", ""), facts.get("addr", "")
        place = f"addr={address}" if address else f"serial={serial}"
        kind = facts.get("product") or facts.get("type", "")
        found.append(FoundDevice(f"usrp:{place}", f"USRP {kind} {serial}".strip()))
    return found


def the_one(uri: str) -> str:
    """UHD's arguments of the only USRP there is, on USB and the network.

    DeviceError when there is none, ConfigurationError that lists them when there are several.
    """
    return only_one(uri, "USRP", find_devices(network=True), "usrp:addr=192.168.10.2", "uhd_find_devices")
