"""A C library found by the system's loader, or where an environment variable says, with its declarations."""

import ctypes.util
import os
from collections.abc import Callable
from typing import Any

from radio.errors import DeviceError


def open_library(name: str, variable: str, declarations: str, install: str) -> tuple[Any, Any]:
    """(cffi's FFI, the library). name: as in -lNAME; variable: its environment variable may name a file instead.

    DeviceError with one sentence when cffi, the library or one of its functions is missing.
    """
    try:
        from cffi import FFI
    except ImportError:
        raise DeviceError("the Python package cffi is not installed; pip install cffi") from None
    path = os.environ.get(variable) or ctypes.util.find_library(name)
    if not path:
        raise DeviceError(f"the library {name} is not installed; {install}")
    ffi = FFI()
    ffi.cdef(declarations)
    try:
        return ffi, ffi.dlopen(path)
    except OSError as error:
        where = f" (named by {variable})" if os.environ.get(variable) else ""
        raise DeviceError(f"the library {path}{where} cannot be loaded: {error}; {install}") from None


def lacking(load: Callable[[], object]) -> str:
    """What is not installed for `load` to succeed, as a sentence; empty when nothing is."""
    try:
        load()
    except DeviceError as error:
        return str(error)
    return ""
