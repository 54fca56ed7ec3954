"""Quantities as people write them: `10M`, `2.45 GHz`, `1ms`, `-3dB` become numbers in the unit of the option's name."""

import contextlib
import math
import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from radio.unit_guess import guess

_PREFIXES = {"p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9}
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*(.*?)\s*", re.ASCII | re.DOTALL)

# unit as an option's name has it -> (the unit that takes prefixes or None, power of ten, words, examples)
_UNITS = {
    "hz": ("Hz", 0, "a frequency or rate in Hz", "10M, 2.45 GHz or 4e6"),
    "s": ("s", 0, "a time in seconds", "1ms, 250 us or 0.5"),
    "ms": ("s", -3, "a time in milliseconds", "200, 200ms or 0.2s"),
    "db": (None, 0, "a number of decibels", "10, -3dB or 0.5 dB"),
    "dbm": (None, 0, "a power in dBm", "-30 or -30 dBm"),
    "ppm": (None, 0, "parts per million", "2, 0.5ppm or 20 ppm"),
    "deg": (None, 0, "an angle in degrees", "5, 5deg or -2.5 deg"),
    "min": (None, 0, "a time in minutes", "15, 15min or 0.5"),
    "fps": (None, 0, "pictures a second", "10, 25fps or 29.97"),
}
_ON_THE_COMMAND_LINE = ("min", "fps")  # units that no option of a configuration is named by
NAMES = {"hz": "Hz", "db": "dB", "dbm": "dBm"}  # of units that are not written as their key
LEAST_CARRIER_HZ = 8.3e3  # the lowest frequency that the Radio Regulations allocate
LEAST_RATE_HZ = 1e3


def unit_of(name: str) -> str | None:
    """The unit that an option's name ends with: "hz" of `air.doppler_hz`; None without one."""
    unit = name.rpartition(".")[2].rpartition("_")[2]
    return unit if unit in _UNITS and unit not in _ON_THE_COMMAND_LINE else None


def parse_quantity(text: str, unit: str) -> float:
    """A number in `unit` (a key such as "hz", "s", "ms", "db") from `text`; exactly the float nearest to what it says.

    A bare number is in `unit` already. Prefixes from p to G may stand before Hz and s, and alone where `unit` has no
    prefix itself; m is milli, M is mega. Raises ValueError that names what is allowed.
    """
    base, exponent, _, _ = _UNITS[unit]
    found = _NUMBER.fullmatch(text)
    if found:
        number, suffix = found.groups()
        prefix = suffix.removesuffix(base) if base else None
        has_unit = prefix != suffix
        value = math.inf
        if not suffix or suffix.lower() == (unit if base is None else None):
            value = float(number)
        elif prefix in _PREFIXES and (has_unit or not exponent):
            value = float(Decimal(number).scaleb(_PREFIXES[prefix] - exponent))
        if math.isfinite(value):
            return value
    raise ValueError(f"{text!r} is not {needed(text, unit)}")


def needed(text: str, unit: str) -> str:
    """What a text that is refused should be, and what it probably meant."""
    base, exponent, words, examples = _UNITS[unit]
    pointed = text.strip().replace(",", ".", 1)  # as half of the world writes a decimal point
    found = _NUMBER.fullmatch(pointed)
    hint = ""
    if found and pointed != text.strip() and _has_value(pointed, unit):
        hint = f"; did you mean {pointed}?"
    elif found and found[2]:
        number, suffix = found.groups()
        likely = "MkGunpm" if unit == "hz" else "munpkMG"
        allowed = [f"{prefix}{base}" for prefix in ("", *likely)] if base else [NAMES.get(unit, unit)]
        allowed += [*likely] if base and not exponent else []
        hint = guess(number, suffix, unit, allowed)
    return f"{words}, such as {examples}{hint}"


def _has_value(text: str, unit: str) -> bool:
    with contextlib.suppress(ValueError):
        return math.isfinite(parse_quantity(text, unit))
    return False


def _reader(unit: str) -> BeforeValidator:
    def read(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return parse_quantity(value, unit)
        except ValueError:
            raise PydanticCustomError("quantity", "should be {needed}", {"needed": needed(value, unit)}) from None

    return BeforeValidator(read)


Hertz = Annotated[float, _reader("hz")]
Seconds = Annotated[float, _reader("s")]
Milliseconds = Annotated[float, _reader("ms")]
Decibels = Annotated[float, _reader("db")]
PartsPerMillion = Annotated[float, _reader("ppm")]
Degrees = Annotated[float, _reader("deg")]
