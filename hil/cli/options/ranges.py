"""Lists and ranges of numbers on the command line."""

from typing import Any

import click

from hil.experiments.ranges import parse_numbers


class NumberList(click.ParamType[tuple[float, ...]]):
    """`0,5,10`, or `0:20:5` for 0 to 20 (inclusive) in steps of 5, or a mixture of both: tuple of float."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return parse_numbers(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
