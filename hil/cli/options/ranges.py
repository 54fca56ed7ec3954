"""Numbers on the command line: lists, ranges and quantities with a unit."""

from typing import Any

import click

from hil.experiments.ranges import parse_numbers
from radio.quantity import parse_quantity


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

    def __init__(self, unit: str, low: float | None = None, high: float | None = None) -> None:
        self.unit, self.low, self.high = unit, low, high
        self.name = unit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = float(value) if isinstance(value, int | float) else parse_quantity(str(value), self.unit)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            ends = (("at least", self.low), ("at most", self.high))
            allowed = " and ".join(f"{words} {end:g}" for words, end in ends if end is not None)
            self.fail(f"{value} must be {allowed} (in {self.unit}).", param, ctx)
        return number
