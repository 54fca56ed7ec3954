"""The part of a URI behind the scheme: an address, then options as `?name=value&name=value`."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from radio.errors import ConfigurationError


def split_options(uri: str, address: str, allowed: Mapping[str, tuple[str, ...] | None]) -> tuple[str, dict[str, str]]:
    """(address without options, options). allowed: names with their possible values, None for any text.

    ConfigurationError with what is allowed; uri stands in its sentence.
    """
    bare, _, query = address.partition("?")
    try:
        options = dict(parse_qsl(query, strict_parsing=True)) if query else {}
    except ValueError:
        raise ConfigurationError(f"{uri}: {query!r} is not of the form name=value&name=value.") from None
    for name, value in options.items():
        if name not in allowed:
            raise ConfigurationError(f"{uri}: {name} is not an option; {', '.join(allowed)} are.")
        choices = allowed[name]
        if choices is not None and value not in choices:
            raise ConfigurationError(f"{uri}: {name} is {value!r} and must be {' or '.join(choices)}.")
    return bare, options


def whole_number(uri: str, name: str, text: str, low: int, high: int) -> int:
    """An option as an integer in low..high, or ConfigurationError."""
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise ConfigurationError(f"{uri}: {name} is {text!r} and must be a whole number in {low} to {high}.")
    return int(text)
