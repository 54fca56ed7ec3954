"""The `semnoma-hil` command as a process: `python -m hil` and the console script."""

import atexit
import os
import sys
from typing import NoReturn

_code = 1  # an error that nobody expected


def run() -> NoReturn:
    """Run the command, then leave at once: taking numba, scipy and torch apart costs seconds that serve nobody.

    What must be done at the end is done: threads that are waited for have ended and exit handlers have run before.
    """
    global _code
    atexit.register(_leave)  # the first to be registered is the last to run
    from hil.cli.main import main

    try:
        main()
    except SystemExit as left:
        _code = left.code if isinstance(left.code, int) else int(left.code is not None)
        raise


def _leave() -> None:
    code = _code
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 120  # as the interpreter does
    os._exit(code & 0xFF)


if __name__ == "__main__":
    run()
