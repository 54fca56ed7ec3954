"""Errors of the hil room: one sentence each; `UsageError` ends a command with exit code 2."""


class HilError(Exception):
    """A run that cannot go on, for a reason outside the user's input (exit code 1)."""


class UsageError(HilError):
    """Input that cannot be used: says what is wrong, which value, what is allowed (exit code 2)."""
