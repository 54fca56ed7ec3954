"""What a mistyped name probably meant; one way of guessing for commands, options, schemes and files."""

import difflib
from collections.abc import Iterable


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """`` (did you mean NAME?)`` for the likeliest of the known names, to be put behind the wrong one; or nothing."""
    close = difflib.get_close_matches(given, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
