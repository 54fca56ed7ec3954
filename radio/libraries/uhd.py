"""UHD over its C interface: finding USRPs, and one that is open with its settings, time and sensors."""

import os
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import Any, Literal

from radio.libraries.loading import open_library
from radio.libraries.uhd_declarations import FUNCTIONS, TYPES

INSTALL = "apt-get install uhd-host"
VARIABLE = "SEMNOMA_HIL_LIBUHD"  # a libuhd.so of one's own, e.g. built from source
ALL_BOARDS = (1 << 64) - 1
_TEXT_BYTES = 4096
_POLICY_AUTO, _POLICY_MANUAL = ord("A"), ord("M")

Direction = Literal["tx", "rx"]


class UhdError(RuntimeError):
    """UHD refused: its own text, C++ class first."""


@cache
def load() -> tuple[Any, Any]:
    """(FFI, libuhd). DeviceError when it is missing."""
    os.environ.setdefault("UHD_LOG_CONSOLE_LEVEL", "warning")
    return open_library("uhd", VARIABLE, TYPES + FUNCTIONS, INSTALL)


def check(code: int) -> None:
    """Raise what UHD says when a call's code is not 0."""
    if code:
        raise UhdError(text(load()[1].uhd_get_last_error) or f"UHD's error {code}")


def text(function: Callable[..., int], *arguments: Any) -> str:
    """What a function of UHD writes into a caller's buffer."""
    ffi, _ = load()
    buffer = ffi.new("char[]", _TEXT_BYTES)
    function(*arguments, buffer, _TEXT_BYTES - 1)
    return str(ffi.string(buffer).decode(errors="replace"))


def answer(kind: str, function: Callable[..., int], *arguments: Any) -> Any:
    """The one value of C type `kind` that a function of UHD answers through its last argument."""
    out = load()[0].new(f"{kind}*")
    check(function(*arguments, out))
    return out[0]


def moment(function: Callable[..., int], *arguments: Any) -> tuple[int, float]:
    """A time as UHD tells it: whole seconds and the fraction."""
    ffi, _ = load()
    full, fraction = ffi.new("int64_t*"), ffi.new("double*")
    check(function(*arguments, full, fraction))
    return int(full[0]), float(fraction[0])


def strings(function: Callable[..., int], *arguments: Any) -> list[str]:
    """A vector of strings that a function of UHD fills."""
    _, lib = load()
    vector = load()[0].new("uhd_string_vector_handle*")
    check(lib.uhd_string_vector_make(vector))
    try:
        check(function(*arguments, vector))
        size = answer("size_t", lib.uhd_string_vector_size, vector[0])
        return [text(lib.uhd_string_vector_at, vector[0], index) for index in range(size)]
    finally:
        lib.uhd_string_vector_free(vector)


def find(arguments: str) -> list[dict[str, str]]:
    """The USRPs that answer, as UHD describes each. Without `addr` or `type` this broadcasts on the network."""
    lines = strings(load()[1].uhd_usrp_find, arguments.encode())
    return [dict(part.split("=", 1) for part in line.split(",") if "=" in part) for line in lines]


def ticks(full_s: int, fraction_s: float, rate_hz: float) -> int:
    """The tick nearest to a time; exact for any number of seconds, unlike a product of doubles."""
    return round(Fraction(rate_hz) * full_s + Fraction(fraction_s * rate_hz))


def seconds(tick: int, rate_hz: float) -> tuple[int, float]:
    """(whole seconds, fraction) of a tick."""
    rate = Fraction(rate_hz)
    full = int(tick // rate)
    return full, float((tick - full * rate) / rate)


class Usrp:
    """One open USRP (or several as one) in one direction. Methods raise UhdError."""

    def __init__(self, arguments: str, direction: Direction) -> None:
        self.ffi, self.lib = load()
        self.direction = direction
        self.handle = self.ffi.new("uhd_usrp_handle*")
        check(self.lib.uhd_usrp_make(self.handle, arguments.encode()))

    def close(self) -> None:
        """Release the device. Its streams must be closed before. Safe to call twice."""
        if self.handle[0] != self.ffi.NULL:
            self.lib.uhd_usrp_free(self.handle)
            self.handle[0] = self.ffi.NULL

    def function(self, pattern: str) -> Callable[..., int]:
        """The library's function uhd_usrp_PATTERN, {} in it the direction, bound to this device."""
        call = getattr(self.lib, "uhd_usrp_" + pattern.format(self.direction))
        return lambda *arguments: int(call(self.handle[0], *arguments))

    def facts(self) -> dict[str, str]:
        """Motherboard and daughterboard by UHD's names: mboard_id, mboard_serial, ..."""
        info = self.ffi.new(f"uhd_usrp_{self.direction}_info_t*")
        check(self.function("get_{}_info")(0, info))
        fields = [name for name, _ in self.ffi.typeof(info[0]).fields]
        found = {name: getattr(info, name) for name in fields}
        told = {name: self.ffi.string(value).decode(errors="replace") for name, value in found.items() if value}
        getattr(self.lib, f"uhd_usrp_{self.direction}_info_free")(info)
        return told

    def channels(self) -> int:
        """How many the device has in this direction."""
        return int(answer("size_t", self.function("get_{}_num_channels")))

    def boards(self) -> range:
        """Motherboards of the device."""
        return range(answer("size_t", self.function("get_num_mboards")))

    def limits(self, what: str, channel: int = 0) -> tuple[float, float]:
        """Ends of a range: "rates", "freq_range" or "gain_range"."""
        bounds = self.ffi.new("uhd_meta_range_handle*")
        check(self.lib.uhd_meta_range_make(bounds))
        try:
            named = (b"",) if what == "gain_range" else ()
            check(self.function(f"get_{{}}_{what}")(*named, channel, bounds[0]))
            low, high = self.lib.uhd_meta_range_start, self.lib.uhd_meta_range_stop
            return float(answer("double", low, bounds[0])), float(answer("double", high, bounds[0]))
        finally:
            self.lib.uhd_meta_range_free(bounds)

    def get(self, what: str, channel: int = 0) -> float:
        """ "rate", "freq", "gain" or "bandwidth" as it is."""
        named = (b"",) if what == "gain" else ()
        return float(answer("double", self.function(f"get_{{}}_{what}"), channel, *named))

    def set(self, what: str, value: Any, channel: int) -> None:
        """ "rate", "gain", "bandwidth", "antenna", or a receiver's "dc_offset_enabled" and "iq_balance_enabled"."""
        named = (b"",) if what == "gain" else ()
        given = value.encode() if isinstance(value, str) else value
        check(self.function(f"set_{{}}_{what}")(given, channel, *named))

    def tune(self, carrier_hz: float, lo_offset_hz: float, channel: int) -> None:
        """Set the carrier; lo_offset_hz moves the oscillator away from it and the digital mixer back."""
        args = self.ffi.new("char[]", b"")
        policy = _POLICY_MANUAL if lo_offset_hz else _POLICY_AUTO
        request = self.ffi.new("uhd_tune_request_t*")
        request.target_freq, request.args = carrier_hz, args
        request.rf_freq_policy, request.rf_freq = policy, carrier_hz + lo_offset_hz
        request.dsp_freq_policy = _POLICY_AUTO
        check(self.function("set_{}_freq")(request, channel, self.ffi.new("uhd_tune_result_t*")))

    def sources(self, what: Literal["clock", "time"]) -> list[str]:
        """Those that the first motherboard has."""
        return strings(self.function(f"get_{what}_sources"), 0)

    def sensor(self, name: str, channels: Sequence[int]) -> bool | None:
        """Whether a yes-or-no sensor says yes on every board or channel that has it; None where none has."""
        told = []
        for board in self.boards():
            if name in strings(self.function("get_mboard_sensor_names"), board):
                told.append(self._sensor(self.function("get_mboard_sensor"), name, board))
        for channel in channels:
            if name in strings(self.function("get_{}_sensor_names"), channel):
                told.append(self._sensor(self.function("get_{}_sensor"), name, channel))
        return all(told) if told else None

    def _sensor(self, function: Callable[..., int], name: str, place: int) -> bool:
        value = self.ffi.new("uhd_sensor_value_handle*")
        check(self.lib.uhd_sensor_value_make_from_bool(value, b"", False, b"", b""))
        try:
            check(function(name.encode(), place, value))
            return bool(answer("bool", self.lib.uhd_sensor_value_to_bool, value[0]))
        finally:
            self.lib.uhd_sensor_value_free(value)
