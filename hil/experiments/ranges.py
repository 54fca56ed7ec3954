"""Lists and ranges of numbers as people write them."""

import math

from radio.quantity import parse_quantity

MOST_VALUES = 1000


def parse_numbers(text: str, unit: str | None = None) -> tuple[float, ...]:
    """`0,5,10`, or `0:20:5` for 0 to 20 (inclusive) in steps of 5, or a mixture. ValueError says what is wrong.

    unit: that of `radio.quantity` in which the numbers may be given (`1M:4M:1M` for "hz"); None takes bare numbers.
    """
    numbers: list[float] = []
    for part in text.split(","):
        try:
            ends = [parse_quantity(piece, unit) if unit else float(piece) for piece in part.split(":")]
        except ValueError as error:
            if unit:
                raise ValueError(f"{error} (or a range as START:STOP:STEP)") from None
            raise ValueError(f"{part!r} is neither a number nor START:STOP:STEP") from None
        if not all(map(math.isfinite, ends)) or len(ends) not in (1, 3):
            raise ValueError(f"{part!r} is neither a finite number nor START:STOP:STEP")
        if len(ends) == 3:
            start, stop, step = ends
            count = math.floor((stop - start) / step + 1e-9) if step else -1
            if not 0 <= count < MOST_VALUES:
                raise ValueError(f"{part!r} has no values or more than {MOST_VALUES}")
            numbers += [start + i * step for i in range(count + 1)]
        else:
            numbers += ends
    return tuple(numbers)
