"""What a pydantic model found wrong with its input, as sentences: which key, its value, what is allowed."""

import re
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from models.suggestion import did_you_mean

MOST_FAULTS = 12


def describe(faults: Sequence[Any], model: type[BaseModel]) -> str:
    """The faults of `ValidationError.errors()` one after the other, up to MOST_FAULTS, and how many more there are."""
    texts = [_fault(fault, model) for fault in faults[:MOST_FAULTS]]
    more = len(faults) - len(texts)
    return "; ".join(texts) + (f" (and {more} more faults)." if more else ".")


def _fault(fault: Any, model: type[BaseModel]) -> str:
    name = ".".join(str(part) for part in fault["loc"]) or "configuration"
    if fault["type"] == "extra_forbidden":
        names = _allowed_names(fault["loc"], model)
        guess = did_you_mean(str(fault["loc"][-1]), names)
        allowed = f"; allowed are {', '.join(names)}" if names and not guess else ""
        return f"{name} is not an option{guess}{allowed}"
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"]).rstrip(".")
    if fault["type"] == "missing":
        return f"{name} is missing"
    guess = ""
    if fault["type"] == "literal_error":
        guess = did_you_mean(str(fault["input"]), re.findall(r"'([^']+)'", fault["ctx"]["expected"]))
    return f"{name} is {fault['input']!r}{guess}: {fault['msg'][0].lower()}{fault['msg'][1:].rstrip('.')}"


def _allowed_names(location: tuple[Any, ...], model: Any) -> list[str]:
    """Options of the section that a fault's last name stands in; none where that is no section by itself."""
    kind: Any = model
    for part in location[:-1]:
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif isinstance(kind, type) and issubclass(kind, BaseModel) and part in kind.model_fields:
            kind = kind.model_fields[part].annotation
        else:
            return []
    return sorted(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []
