"""Lists and ranges of numbers on the command line."""

import math
from typing import Any

import click

MOST_VALUES = 1000


class NumberList(click.ParamType[tuple[float, ...]]):
    """`0,5,10`, or `0:20:5` for 0 to 20 (inclusive) in steps of 5, or a mixture of both: tuple of float."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        numbers: list[float] = []
        for part in str(value).split(","):
            try:
                ends = [float(text) for text in part.split(":")]
            except ValueError:
                self.fail(f"{part!r} is neither a number nor START:STOP:STEP", param, ctx)
            if not all(map(math.isfinite, ends)) or len(ends) not in (1, 3):
                self.fail(f"{part!r} is neither a finite number nor START:STOP:STEP", param, ctx)
            if len(ends) == 3:
                start, stop, step = ends
                count = math.floor((stop - start) / step + 1e-9) if step else -1
                if not 0 <= count < MOST_VALUES:
                    self.fail(f"{part!r} has no values or more than {MOST_VALUES}", param, ctx)
                numbers += [start + i * step for i in range(count + 1)]
            else:
                numbers += ends
        return tuple(numbers)
