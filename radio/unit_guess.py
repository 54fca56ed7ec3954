"""What was probably meant by a quantity that is in no unit of its option, or far too small for it."""

import math
import re

_OTHERS = (
    (r"[pnuµmkg]?hz", "a frequency"),
    (r"[pnuµmkg]?s|sec|seconds?|min|minutes?|h|hours?", "a time"),
    (r"db", "a ratio in decibels"),
    (r"dbfs", "a level below full scale"),
    (r"dbm|dbw|[pnuµmk]?w", "a power"),
    (r"ppm|ppb", "a relative offset"),
    (r"deg|°|rad", "an angle"),
    (r"fps", "a rate of pictures"),
)
_RATE = re.compile(r"([kmg]?)(sps|s/s|sa/s|samples?/s|bd)", re.IGNORECASE)
_SECONDS = {"s": 1, "sec": 1, "second": 1, "seconds": 1, "min": 60, "minute": 60, "minutes": 60}
_SECONDS |= {"h": 3600, "hour": 3600, "hours": 3600}
_WITHOUT_UNIT = ((10.0, "GHz"), (1e4, "MHz"))  # carriers below this are written in that unit


def guess(number: str, suffix: str, unit: str, allowed: list[str]) -> str:
    """`; did you mean 2.4 GHz?` or `; MHz is a frequency` for a text that is refused, to be put behind what is needed.

    number, suffix: the two parts of the text. allowed: the suffixes that it may have, the likelier of two before.
    """
    small = suffix.lower()
    if same := [one for one in allowed if one.lower() == small]:
        return f"; did you mean {number} {same[0]}?"
    if unit == "hz" and (rate := _RATE.fullmatch(suffix)):
        prefix = rate[1].lower()
        return f"; did you mean {number} {prefix if prefix in ('', 'k') else prefix.upper()}Hz?"
    if unit in ("s", "ms", "min") and small in _SECONDS:
        own_unit, own_s = ("min", 60) if unit == "min" else ("s", 1)
        meant = float(number) * _SECONDS[small] / own_s
        return f"; did you mean {meant:g} {own_unit}?" if math.isfinite(meant) else ""
    kind = next((words for pattern, words in _OTHERS if re.fullmatch(pattern, small)), None)
    return f"; {suffix} is {kind}" if kind else ""


def larger_unit(hz: float, least_hz: float) -> str:
    """`; did you mean 2.4 GHz?` for a frequency below `least_hz`, which was probably not meant in Hz."""
    for below, unit in _WITHOUT_UNIT:
        if 1e-3 < hz < below and hz < least_hz:
            return f"; did you mean {hz:g} {unit}?"
    return "; m is milli, M is mega" if 0 < hz < least_hz else ""


def larger_rate(hz: float, least_hz: float) -> str:
    """The same for a sample rate."""
    if 0.05 <= hz < least_hz:
        return f"; did you mean {hz:g} {'MHz' if hz < 100 else 'kHz'}?"
    return "; m is milli, M is mega" if 0 < hz < least_hz else ""
