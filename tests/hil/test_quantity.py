"""Quantities with units: the nearest float to what is written, refusals in words, and every option with a unit."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from hil.config import load_config
from hil.errors import UsageError
from radio.quantity import Hertz, parse_quantity, unit_of

EXPONENTS = {"p": -12, "n": -9, "u": -6, "µ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9}
numbers = st.decimals(-(10**6), 10**6, allow_nan=False, places=6)


@given(numbers, st.sampled_from(sorted(EXPONENTS)), st.sampled_from(["", "Hz"]), st.sampled_from(["", " "]))
def test_a_prefix_is_a_power_of_ten_and_nothing_is_rounded_twice(number, prefix, unit, gap):
    # The reference is Python's own reading of a number with an exponent.
    assert parse_quantity(f"{number}{gap}{prefix}{unit}", "hz") == float(f"{number}e{EXPONENTS[prefix]}")


@given(numbers)
def test_the_same_time_in_three_units(number):
    seconds = number.scaleb(-3)
    assert parse_quantity(f"{number}ms", "s") == parse_quantity(f"{seconds}", "s") == float(seconds)
    assert parse_quantity(f"{seconds}s", "ms") == parse_quantity(f"{number}", "ms") == float(number)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["hz", "s", "ms", "db", "dbm", "ppm", "deg"]))
def test_what_python_writes_comes_back(number, unit):
    assert parse_quantity(repr(number), unit) == number


@given(st.text(max_size=12), st.sampled_from(["hz", "s", "ms", "db", "ppm"]))
def test_any_text_is_a_finite_number_or_refused_in_words(text, unit):
    try:
        assert math.isfinite(parse_quantity(text, unit))
    except ValueError as error:
        assert "such as" in str(error)


@pytest.mark.parametrize(
    ("text", "unit"),
    [("10X", "hz"), ("5s", "hz"), ("2 Hz", "s"), ("200m", "ms"), ("1Ms", "db"), ("3 k", "db"), ("", "s"), ("M", "hz"),
     ("1,5", "s"), ("1 2", "s"), ("nan", "hz"), ("inf", "s"), ("1e999", "s"), ("1e308 GHz", "hz"), ("-1e400 dB", "db")],
)  # fmt: skip
def test_what_is_not_of_the_unit_is_refused(text, unit):
    with pytest.raises(ValueError, match="such as"):
        parse_quantity(text, unit)


def test_examples_of_the_field():
    for text, unit, value in (("10M", "hz", 10e6), ("2.45 GHz", "hz", 2.45e9), ("1ms", "s", 1e-3), ("-3dB", "db", -3)):
        assert parse_quantity(text, unit) == value
    assert math.isclose(TypeAdapter(Hertz).validate_python("433.92M"), float(Decimal("433.92e6")))


def test_every_number_of_the_configuration_that_has_a_unit_takes_it():
    """A new option that is called *_hz, *_s, ... and does not read its unit is found here."""
    written = {"hz": "MHz", "s": "s", "ms": "ms", "db": "dB", "ppm": "ppm", "deg": "deg"}
    names = []
    for name, value in flat(load_config(None, {"deadline_ms": 5}).model_dump()):
        unit = unit_of(name)
        if not unit or not isinstance(value, float):
            continue
        number = value / 1e6 if unit == "hz" else value
        changed = {name: f"{number!r}{written[unit]}"}
        shared = name.split(".")[-1] in ("sample_rate_hz", "center_frequency_hz")
        assert dict(flat(load_config(None, changed).model_dump()))[name] == pytest.approx(value), name
        names += [] if shared else [name]
    assert len(names) > 15


def flat(values, prefix=""):
    for name, value in values.items():
        yield from flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]


def test_no_number_of_the_configuration_is_infinite_or_none_at_all():
    """YAML knows .inf and .nan; limits alone let the first through, and an option without limits both."""
    floats = [name for name, value in flat(load_config().model_dump()) if isinstance(value, float)]
    floats.remove("air.noise_power")  # follows from the others whatever is given
    for name in [*floats, "radio.tx_gain_db", "radio.bandwidth_hz"]:
        for value in (math.inf, -math.inf, math.nan):
            with pytest.raises(UsageError):
                load_config(None, {name: value})
    assert len(floats) > 20


def test_two_spellings_of_a_shared_value_agree_and_the_noise_follows():
    config = load_config(None, {"sample_rate_hz": "4M", "waveform.sample_rate_hz": 4e6, "snr_db": "20dB"})
    assert config.sample_rate_hz == config.air.sample_rate_hz == 4e6
    assert config.air.noise_power == pytest.approx(0.25**2 / 100)
    with pytest.raises(UsageError, match="set it once"):
        load_config(None, {"sample_rate_hz": "4M", "waveform.sample_rate_hz": "5M"})
