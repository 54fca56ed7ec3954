"""YAML as people write it: values, or one kind of error."""

from typing import Any

import yaml
from yaml import YAMLError

__all__ = ["YAMLError", "yaml_values"]

# What PyYAML's own constructors let through: dates that no calendar has, integers of thousands of digits, tags that do
# not fit their value, nesting deeper than the stack.
NO_VALUE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


def yaml_values(text: str) -> Any:
    """The plain value that a text stands for; None for an empty one. Raises yaml.YAMLError for every other text."""
    try:
        return yaml.safe_load(text)
    except NO_VALUE as error:
        raise YAMLError(f"a value that cannot be made: {error}") from None
