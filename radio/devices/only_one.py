"""The only radio of a kind, where a bare scheme named none."""

from collections.abc import Sequence

from radio.discovery import FoundDevice
from radio.errors import ConfigurationError, DeviceError


def only_one(uri: str, what: str, found: Sequence[FoundDevice], example: str, tool: str) -> str:
    """The address of the one that was found.

    what, example, tool: of the kind of radio, for DeviceError when there is none and ConfigurationError, which lists
    them, when there are several.
    """
    if not found:
        raise DeviceError(
            f"{uri}: no {what} was found; check cable and power, or name it, e.g. {example} ({tool} shows what its "
            "driver sees)."
        )
    if len(found) > 1:
        listed = ", ".join(f"{device.uri} ({device.what})" for device in found)
        raise ConfigurationError(f"{uri}: {len(found)} are connected, name one of them: {listed}.")
    return found[0].uri.partition(":")[2]
