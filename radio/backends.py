"""Which kinds of radio there are, and opening one as it is; with a guard, for transmitting: `radio.safety.open`."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import Literal

from radio.device import Radio
from radio.errors import ConfigurationError, DeviceError
from radio.extensions import RADIOS, installed, load

Role = Literal["tx", "rx"]


@dataclass(frozen=True)
class Backend:
    """default: address of the bare scheme, empty where it must be said. module: has `open_device`."""

    scheme: str
    what: str
    default: str
    module: str


@dataclass(frozen=True)
class BackendReport:
    """For `semnoma-hil doctor`. reason: empty when available, else one sentence on why not and what to do."""

    name: str
    what: str
    example: str
    available: bool
    reason: str


_BACKENDS = (
    Backend("sim", "simulated air", "tcp://127.0.0.1:5600", "radio.devices.simulated"),
    Backend("pluto", "ADALM-PlutoSDR", "ip:192.168.2.1", "radio.devices.pluto"),
    Backend("usrp", "Ettus USRP", "", "radio.devices.usrp.radio"),
    Backend("soapy", "any SoapySDR device", "", "radio.devices.soapy.radio"),
    Backend("file", "SigMF recording", "capture.sigmf-meta", "radio.devices.file"),
    Backend("zmq", "sample stream of GNU Radio or srsRAN", "tcp://127.0.0.1:2000", "radio.devices.zmq_stream"),
)


def open_unguarded(uri: str, role: Role, index: int) -> Radio:
    """The bare device behind `SCHEME:ADDRESS`, or behind a bare `SCHEME` at its default address.

    index: which user a transmitter is. ConfigurationError when the scheme is unknown, DeviceError when the radio is
    absent or taken.
    """
    scheme, _, address = uri.partition(":")
    backend = next((b for b in _BACKENDS if b.scheme == scheme), None)
    if backend is not None:
        module, default = import_module(backend.module), backend.default
    elif scheme in installed(RADIOS):
        module = load(RADIOS, scheme)
        default = getattr(module, "DEFAULT_ADDRESS", "")
    else:
        schemes = [*(b.scheme for b in _BACKENDS), *added_schemes()]
        near = get_close_matches(scheme, schemes, 1)
        guess = f", did you mean {near[0]}?" if near else "."
        known = ", ".join(f"{name}:" for name in schemes)
        raise ConfigurationError(f"{uri!r} names no kind of radio that is known here{guess} This version has {known}")
    open_device: Callable[[str, Role, int], Radio] | None = getattr(module, "open_device", None)
    if open_device is None:
        raise DeviceError(f"the module {module.__name__} behind {scheme}: has no function open_device.")
    return open_device(address or default, role, index)


def searchable_modules() -> list[ModuleType]:
    """Modules of backends that have `find_devices(network) -> list[radio.discovery.FoundDevice]`."""
    return [module for module in (import_module(b.module) for b in _BACKENDS) if hasattr(module, "find_devices")]


def added_schemes() -> list[str]:
    """Schemes that other installed packages add; one of this package's own names stays this package's."""
    return [name for name in installed(RADIOS) if name not in {b.scheme for b in _BACKENDS}]


def describe_backends() -> list[BackendReport]:
    """Every kind of radio, whether this installation can open it, and what is missing where it cannot."""
    reports = []
    for b in _BACKENDS:
        try:
            module = import_module(b.module)
            reason = module.missing() if hasattr(module, "missing") else ""
        except ImportError as error:
            reason = f"{error}; install it and try again."
        example = f"{b.scheme}:{b.default}"
        reports.append(BackendReport(b.scheme, b.what, example, not reason, reason))
    return reports + [_describe_added(scheme) for scheme in added_schemes()]


def _describe_added(scheme: str) -> BackendReport:
    try:
        module = load(RADIOS, scheme)
    except ConfigurationError as error:
        return BackendReport(scheme, "added radio", f"{scheme}:", False, str(error))
    what = (module.__doc__ or "added radio").strip().splitlines()[0].rstrip(".")
    reason = module.missing() if hasattr(module, "missing") else ""
    return BackendReport(scheme, what, f"{scheme}:{getattr(module, 'DEFAULT_ADDRESS', '')}", not reason, reason)
