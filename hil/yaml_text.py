"""YAML as people write it: values, or one kind of error."""

from typing import Any

import yaml
from yaml import YAMLError

__all__ = ["YAMLError", "yaml_values"]
DEEPEST = 64  # brackets within brackets; PyYAML needs a second to find that thousands are deeper than the stack

# What PyYAML's own constructors let through: dates that no calendar has, integers of thousands of digits, tags that do
# not fit their value, nesting deeper than the stack.
NO_VALUE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


def yaml_values(text: str) -> Any:
    """The plain value that a text stands for; None for an empty one. Raises yaml.YAMLError for every other text."""
    try:
        loader = _Loader(text)
        return loader.get_single_data()
    except NO_VALUE as error:
        raise YAMLError(f"a value that cannot be made: {error}") from None


class _Loader(yaml.SafeLoader):
    def fetch_flow_collection_start(self, token: Any) -> None:
        if self.flow_level >= DEEPEST:
            raise YAMLError(f"brackets are nested more than {DEEPEST} deep")
        super().fetch_flow_collection_start(token)

    def construct_yaml_int(self, node: Any) -> Any:
        value = super().construct_yaml_int(node)
        str(value)  # ValueError: thousands of hexadecimal digits are read, but no sentence could say them
        return value


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
