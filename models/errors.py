"""The one exception of this room."""


class ModelError(Exception):
    """One clear sentence: what is wrong, which value was found, and what is allowed."""
