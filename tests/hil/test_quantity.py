"""Quantities with units: the nearest float to what is written, refusals in words, and every option with a unit."""

import importlib
import math
import re
from decimal import Decimal

import pytest
from click.testing import CliRunner
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


def test_nobody_is_asked_whether_an_infinite_time_was_meant():
    with pytest.raises(ValueError, match=r"such as 1ms, 250 us or 0\.5$"):
        parse_quantity("1e999 min", "s")


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


@pytest.mark.parametrize(
    ("text", "unit", "hint"),
    [
        ("5MHz", "db", "'5MHz' is not a number of decibels, such as 10, -3dB or 0.5 dB; MHz is a frequency"),
        ("10ms", "hz", "; ms is a time"), ("-30dBm", "db", "; dBm is a power"), ("3dB", "dbm", "; dB is a ratio in"),
        ("20ppm", "hz", "; ppm is a relative offset"), ("2.4GHz", "s", "; GHz is a frequency"),
        ("2.4ghz", "hz", "; did you mean 2.4 GHz?"), ("10MHZ", "hz", "; did you mean 10 MHz?"),
        ("2.4g", "hz", "; did you mean 2.4 G?"), ("4K", "hz", "mean 4 k?"), ("10 DB", "ppm", "; DB is a"),
        ("1Msps", "hz", "; did you mean 1 MHz?"), ("30.72 MS/s", "hz", "; did you mean 30.72 MHz?"),
        ("10 MS", "s", "; did you mean 10 ms?"), ("5 min", "s", "; did you mean 300 s?"), ("2h", "s", "mean 7200 s?"),
        ("2h", "min", "; did you mean 120 min?"), ("30s", "min", "; did you mean 0.5 min?"),
        ("1,5", "db", "; did you mean 1.5?"), ("5V", "db", "such as 10, -3dB or 0.5 dB"),
    ],
)  # fmt: skip
def test_a_wrong_unit_is_answered_with_the_right_one(text, unit, hint):
    with pytest.raises(ValueError) as caught:
        parse_quantity(text, unit)
    sentence = str(caught.value)
    assert hint in sentence
    if meant := re.search("did you mean (.*)[?]", sentence):
        assert math.isfinite(parse_quantity(meant[1], unit))  # what is proposed is taken


@given(
    st.from_regex(r"\A[0-9]{1,3}([.,][0-9])? ?(([kKmMgGuU]?(hz|Hz|HZ|s|S|sps|B))|dB|db|dBm|min|h|FPS)\Z"),
    st.sampled_from(["hz", "s", "ms", "db", "dbm", "ppm", "deg", "min", "fps"]),
)
def test_what_is_proposed_is_taken(text, unit):
    try:
        parse_quantity(text, unit)
    except ValueError as error:
        if meant := re.search("did you mean (.*)[?]$", str(error)):
            assert math.isfinite(parse_quantity(meant[1], unit))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("center_frequency_hz", 2.4, "did you mean 2.4 GHz?"), ("center_frequency_hz", 915, "did you mean 915 MHz?"),
        ("center_frequency_hz", 2450, "did you mean 2450 MHz?"), ("sample_rate_hz", 4, "did you mean 4 MHz?"),
        ("sample_rate_hz", "1m", "m is milli, M is mega"), ("sample_rate_hz", 250, "did you mean 250 kHz?"),
    ],
)  # fmt: skip
def test_a_frequency_that_is_far_too_low_for_hertz_is_answered_with_the_unit_that_was_meant(name, value, words):
    with pytest.raises(UsageError) as caught:
        load_config(None, {name: value})
    assert words in str(caught.value) and f"{name} is " in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("module", "arguments", "words"),
    [
        ("radios.probe", ["sim", "--freq", "2.4"], "2.4 is 2.4 Hz and must be at least 8300 Hz; did you mean 2.4 GHz?"),
        ("radios.probe", ["sim", "--frequency", "2.4ghz"], "did you mean 2.4 GHz?"),
        ("radios.probe", ["sim", "--rate", "1m"], "1m is 0.001 Hz and must be at least 1000 Hz; m is milli, M is"),
        ("radios.probe", ["sim", "--rate", "10dB"], "dB is a ratio in decibels"),
        ("radios.probe", ["sim", "--gain", "5MHz"], "MHz is a frequency"),
        ("runs.loopback", ["--snr", "5MHz"], "'5MHz' is not a number of decibels, such as 10, -3dB or 0.5 dB; MHz is"),
        ("runs.loopback", ["--fps", "25 Hz"], "'25 Hz' is not pictures a second, such as 10, 25fps or 29.97; Hz is a"),
        ("measure.phy_sweep", ["--snr", "0:20MHz:5"], "'20MHz' is not a number of decibels"),
        ("measure.phy_sweep", ["--cfo-ppm", "2kHz"], "kHz is a frequency"),
        ("measure.compare", ["sharing", "--bandwidth", "3"], "did you mean 3 MHz?"),
        ("codecs.train", ["adaptive", "--minutes", "2h"], "did you mean 120 min?"),
    ],
)  # fmt: skip
def test_the_command_line_names_the_right_unit(module, arguments, words):
    done = CliRunner().invoke(importlib.import_module(f"hil.cli.{module}").command, arguments)
    assert done.exit_code == 2, done.output
    assert words in " ".join(done.output.split()), done.output
    assert "?." not in done.output
