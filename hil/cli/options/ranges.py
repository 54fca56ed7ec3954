"""Numbers on the command line: lists, ranges and quantities with a unit."""

from collections.abc import Callable
from typing import Any

import click

from hil.experiments.ranges import parse_numbers
from radio.quantity import LEAST_CARRIER_HZ, LEAST_RATE_HZ, NAMES, parse_quantity
from radio.unit_guess import larger_rate, larger_unit


class NumberList(click.ParamType[tuple[float, ...]]):
    """`0,5,10`, or `0:20:5` for 0 to 20 (inclusive) in steps of 5, or a mixture of both: tuple of float."""

    name = "numbers"

    def __init__(self, unit: str | None = None) -> None:
        """unit: that of `radio.quantity` that the numbers may carry."""
        self.unit = unit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return parse_numbers(str(value), self.unit)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Quantity(click.ParamType[float]):
    """`10M`, `2.45 GHz`, `1ms`, `-3dB`: float in `unit`, a key of `radio.quantity`; from `low` to `high`."""

    def __init__(
        self,
        unit: str,
        low: float | None = None,
        high: float | None = None,
        larger: Callable[[float, float], str] | None = None,
    ) -> None:
        """larger: of `radio.unit_guess`: what a number below `low` probably meant."""
        self.unit, self.low, self.high, self.larger = unit, low, high, larger
        self.name = unit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = float(value) if isinstance(value, int | float) else parse_quantity(str(value), self.unit)
        except ValueError as error:
            self.fail(f"{error}.".replace("?.", "?"), param, ctx)
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            ends = (("at least", self.low), ("at most", self.high))
            name = NAMES.get(self.unit, self.unit)
            allowed = " and ".join(f"{words} {end:g} {name}" for words, end in ends if end is not None)
            meant = self.larger(number, self.low) if self.larger and self.low else ""
            self.fail(f"{value} is {number:g} {name} and must be {allowed}{meant}.".replace("?.", "?"), param, ctx)
        return number


CARRIER = Quantity("hz", LEAST_CARRIER_HZ, larger=larger_unit)
RATE = Quantity("hz", LEAST_RATE_HZ, larger=larger_rate)
