"""How many pictures go in one burst, as an option."""

from typing import Any

import click


class PicturesPerBurst(click.ParamType):
    """A number, or auto."""

    name = "N|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        text = str(value)
        if text == "auto":
            return text
        if not (text.isascii() and text.isdecimal()):
            self.fail(f"{text!r} is neither a number of pictures nor auto", param, ctx)
        return int(text)
