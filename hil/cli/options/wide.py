"""Where tables are printed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # commands without tables start without rich
    from rich.console import Console

WIDE = 200  # columns where there is no terminal


def table_console() -> Console:
    """Standard output as wide as the terminal, and wide in files and pipes: a table leaves out what does not fit."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal or "COLUMNS" in os.environ else Console(width=WIDE)
