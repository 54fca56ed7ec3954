"""SoapySDR over its C interface: finding devices, and one that is open with its stream."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from radio.errors import DeviceError
from radio.libraries.loading import open_library
from radio.libraries.soapy_declarations import FUNCTIONS, TYPES

INSTALL = "apt-get install soapysdr-tools and the module of your radio such as soapysdr-module-lms7"
VARIABLE = "SEMNOMA_HIL_LIBSOAPYSDR"  # a libSoapySDR.so of one's own
ABI = "0.8"
TX, RX = 0, 1
END_BURST, HAS_TIME = 1 << 1, 1 << 2
TIMEOUT, CORRUPTION, OVERFLOW, TIME_ERROR, UNDERFLOW = -1, -3, -4, -6, -7


class SoapyError(RuntimeError):
    """SoapySDR or a module of it refused: its own text."""


@cache
def load() -> tuple[Any, Any]:
    """(FFI, libSoapySDR). DeviceError when it is missing, or of another interface than 0.8."""
    ffi, lib = open_library("SoapySDR", VARIABLE, TYPES + FUNCTIONS, INSTALL)
    version = ffi.string(lib.SoapySDR_getABIVersion()).decode()
    if not version.startswith(ABI):
        raise DeviceError(f"this SoapySDR has the interface {version}, and {ABI} is needed; {INSTALL}")
    return ffi, lib


def reason(code: int) -> str:
    """What an error code of a stream means."""
    ffi, lib = load()
    return str(ffi.string(lib.SoapySDR_errToStr(code)).decode())


def find(arguments: str) -> list[dict[str, str]]:
    """Devices that answer to `driver=lime,...`, as their modules describe them; all modules are asked without it."""
    ffi, lib = load()
    length = ffi.new("size_t*")
    listed = lib.SoapySDRDevice_enumerateStrArgs(arguments.encode(), length)
    found = [_entries(ffi, listed[n]) for n in range(length[0])]
    lib.SoapySDRKwargsList_clear(listed, length[0])
    return found


def _entries(ffi: Any, kwargs: Any) -> dict[str, str]:
    pairs = [(kwargs.keys[n], kwargs.vals[n]) for n in range(kwargs.size)]
    return {
        ffi.string(key).decode(errors="replace"): ffi.string(value).decode(errors="replace") for key, value in pairs
    }


class SoapyDevice:
    """One open device in one direction (TX or RX). Methods raise SoapyError."""

    def __init__(self, arguments: str, direction: int) -> None:
        self._ffi, self._lib = load()
        self.direction = direction
        self._none = self._ffi.new("SoapySDRKwargs*")
        self._device = self._lib.SoapySDRDevice_makeStrArgs(arguments.encode())
        self._stream: Any = self._ffi.NULL
        if self._device == self._ffi.NULL:
            raise SoapyError(self._last_error())

    def close(self) -> None:
        """Release the device. Safe to call twice."""
        if self._device != self._ffi.NULL:
            self.stop()
            self._lib.SoapySDRDevice_unmake(self._device)
            self._device = self._ffi.NULL

    def identity(self) -> tuple[str, dict[str, str]]:
        """The driver's name and what it tells of the hardware."""
        key = self._call("getDriverKey")
        driver = self._ffi.string(key).decode()
        self._lib.SoapySDR_free(key)
        told = self._ffi.new("SoapySDRKwargs*", self._call("getHardwareInfo"))
        facts = _entries(self._ffi, told)
        self._lib.SoapySDRKwargs_clear(told)
        return driver, facts

    def channels(self) -> int:
        """How many the device has in this direction."""
        return int(self._call("getNumChannels", self.direction))

    def timed(self) -> bool:
        """Whether it keeps time."""
        return bool(self._call("hasHardwareTime", b""))

    def now_tick(self, rate_hz: float) -> int:
        """Its time in ticks."""
        return int(self._lib.SoapySDR_timeNsToTicks(self._call("getHardwareTime", b""), rate_hz))

    def limits(self, what: str) -> tuple[float, float]:
        """Outermost ends of "SampleRate", "Frequency" or "Gain" of the first channel."""
        if what == "Gain":
            only = self._call("getGainRange", self.direction, 0)
            return float(only.minimum), float(only.maximum)
        length = self._ffi.new("size_t*")
        ranges = self._call(f"get{what}Range", self.direction, 0, length)
        ends = [(float(ranges[n].minimum), float(ranges[n].maximum)) for n in range(length[0])]
        self._lib.SoapySDR_free(ranges)
        return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else (0.0, 0.0)

    def get(self, what: str) -> float:
        """ "SampleRate", "Frequency", "Bandwidth" or "Gain" of the first channel as it is."""
        return float(self._call(f"get{what}", self.direction, 0))

    def set(self, what: str, value: Any, channel: int) -> None:
        """One of those, or "Antenna"."""
        given = value.encode() if isinstance(value, str) else value
        more = (self._none,) if what == "Frequency" else ()
        self._call(f"set{what}", self.direction, channel, given, *more)

    def manual_gain(self, channel: int) -> None:
        """Switch an automatic gain off where there is one."""
        if self._call("hasGainMode", self.direction, channel):
            self._call("setGainMode", self.direction, channel, False)

    # -- the stream: complex float32 --

    def start(self, channels: Sequence[int]) -> int:
        """Begin to stream; returns how many samples a call takes at once."""
        listed = self._ffi.new("size_t[]", list(channels))
        self._stream = self._call("setupStream", self.direction, b"CF32", listed, len(channels), self._none)
        code = self._lib.SoapySDRDevice_activateStream(self._device, self._stream, 0, 0, 0)
        if code:
            raise SoapyError(reason(code))
        return int(self._call("getStreamMTU", self._stream))

    def stop(self) -> None:
        """End the stream. Safe to call twice."""
        if self._stream != self._ffi.NULL:
            stream, self._stream = self._stream, self._ffi.NULL
            self._lib.SoapySDRDevice_deactivateStream(self._device, stream, 0, 0)
            self._lib.SoapySDRDevice_closeStream(self._device, stream)

    def read(self, block: np.ndarray, timeout_us: int, rate_hz: float) -> tuple[int, int | None]:
        """(samples written to block or an error code, tick of the first where it is stamped)."""
        flags, time_ns = self._ffi.new("int*"), self._ffi.new("long long*")
        lib, buffers = self._lib, self._buffers(block)
        count = lib.SoapySDRDevice_readStream(
            self._device, self._stream, buffers, block.shape[1], flags, time_ns, timeout_us
        )
        stamped = count > 0 and flags[0] & HAS_TIME
        return int(count), int(lib.SoapySDR_timeNsToTicks(time_ns[0], rate_hz)) if stamped else None

    def write(self, block: np.ndarray, timeout_us: int, tick: int | None, rate_hz: float, end: bool) -> int:
        """Samples that were taken of block, or an error code. tick: when the first is due; end: a burst ends here."""
        lib = self._lib
        flags = self._ffi.new("int*", (END_BURST if end else 0) | (HAS_TIME if tick is not None else 0))
        time_ns = lib.SoapySDR_ticksToTimeNs(tick, rate_hz) if tick is not None else 0
        buffers = self._buffers(block)
        return int(
            lib.SoapySDRDevice_writeStream(
                self._device, self._stream, buffers, block.shape[1], flags, time_ns, timeout_us
            )
        )

    def status(self) -> int:
        """The code of the next message about what was sent; TIMEOUT when there is none."""
        new = self._ffi.new
        places = new("size_t*"), new("int*"), new("long long*")
        return int(self._lib.SoapySDRDevice_readStreamStatus(self._device, self._stream, *places, 0))

    def _buffers(self, block: np.ndarray) -> Any:
        assert block.dtype == np.complex64 and block.strides[1] == block.itemsize
        return self._ffi.new("void*[]", [self._ffi.cast("void*", row.ctypes.data) for row in block])

    def _call(self, name: str, *arguments: Any) -> Any:
        answer = getattr(self._lib, f"SoapySDRDevice_{name}")(self._device, *arguments)
        if self._lib.SoapySDRDevice_lastStatus():
            raise SoapyError(self._last_error())
        return answer

    def _last_error(self) -> str:
        return str(self._ffi.string(self._lib.SoapySDRDevice_lastError()).decode(errors="replace"))
