"""Errors of the hil room: one sentence each; `UsageError` ends a command with exit code 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # commands start without pydantic
    from models.faults import Faults


class HilError(Exception):
    """A run that cannot go on, for a reason outside the user's input (exit code 1)."""


class UsageError(HilError):
    """Input that cannot be used: says what is wrong, which value, what is allowed (exit code 2)."""


class FaultyInput(UsageError):
    """Values of a form that cannot be used. lines: all that is wrong with them."""

    def __init__(self, source: str, faults: Faults) -> None:
        self.lines = faults.lines
        super().__init__(faults.of(source))
