"""Which kinds of radio there are, and opening one as it is; with a guard, for transmitting: `radio.safety.open`."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

from radio.device import Radio
from radio.errors import DeviceError

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
    Backend("usrp", "Ettus USRP", "", "radio.devices.usrp"),
    Backend("soapy", "any SoapySDR device", "", "radio.devices.soapy"),
    Backend("file", "SigMF recording", "capture.sigmf-meta", "radio.devices.file"),
    Backend("zmq", "sample stream of GNU Radio or srsRAN", "tcp://127.0.0.1:2000", "radio.devices.zmq_stream"),
)


def open_unguarded(uri: str, role: Role, index: int) -> Radio:
    """The bare device behind `SCHEME:ADDRESS`, or behind a bare `SCHEME` at its default address.

    index: which user a transmitter is. DeviceError when the scheme is unknown or not in this version, or the radio is
    absent or taken.
    """
    scheme, _, address = uri.partition(":")
    backend = next((b for b in _BACKENDS if b.scheme == scheme), None)
    if backend is None:
        known = ", ".join(f"{b.scheme}:" for b in _BACKENDS)
        raise DeviceError(f"{uri!r} names no kind of radio that is known here; this version has {known}")
    open_device: Callable[[str, Role, int], Radio] = import_module(backend.module).open_device
    return open_device(address or backend.default, role, index)


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
    return reports
