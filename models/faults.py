"""What a form refuses about its values: all faults in one go, one line each: which key, its value, what is allowed."""

import copy
import re
import reprlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from models.suggestion import did_you_mean

MOST_FAULTS = 100
MOST_ROUNDS = 30
_LONGEST_VALUE = 80  # characters
_LONGEST_LINE = 1000  # characters
_SECRET = re.compile("pass|secret|token|key", re.IGNORECASE)
_BRIEF = reprlib.Repr()  # of what a few lines of YAML stand for by reference, repr takes gigabytes
_BRIEF.maxlevel, _BRIEF.maxstring, _BRIEF.maxlong, _BRIEF.maxother = 3, *3 * [4 * _LONGEST_VALUE]
_OPEN = {list, tuple, set, frozenset}

Form = TypeVar("Form", bound=BaseModel)
Place = tuple[Any, ...]
Keep = Callable[[list[Any]], list[Any]]


class Faults(ValueError):
    """lines: every fault, without a stop."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = list(map(_short_line, lines))
        super().__init__(self.of(""))

    def of(self, source: str) -> str:
        """One sentence that names `source`, or a line that counts the faults and a line for each of them."""
        start = f"{source}: " if source else ""
        if len(self.lines) == 1:
            return start + _ended(self.lines[0])
        shown = self.lines[:MOST_FAULTS]
        more = [f"and {len(self.lines) - len(shown)} more"] if len(shown) < len(self.lines) else []
        return f"{start}{len(self.lines)} faults:" + "".join(f"\n  {_ended(line)}" for line in [*shown, *more])


def _short_line(line: str) -> str:
    """What is wrong stands at its beginning and what is allowed at its end."""
    half = _LONGEST_LINE // 2
    return line if len(line) <= _LONGEST_LINE else f"{line[:half]}…{line[-half:]}"


def _ended(line: str) -> str:
    return line if line.endswith("?") else f"{line}."


def read(form: type[Form], values: Any, keep: Keep | None = None) -> Form:
    """The form filled with values. keep: which of the `ValidationError.errors()` are the user's; all by default.

    Some faults hide others: what is wrong is left out and the rest looked at again. A validator that finds several puts
    each on a line of its ValueError. Raises Faults.
    """
    try:
        return form.model_validate(values)
    except ValidationError as error:
        found = error.errors()
    raise Faults(_lines(form, values, found, keep or list))


def _found(form: type[BaseModel], values: Any) -> list[Any]:
    """The faults alone: a frame that keeps pydantic's error and validates again is never freed, as the error leads to
    the frame and the garbage collector does not see through it.
    """
    try:
        form.model_validate(values)
    except ValidationError as error:
        return list(error.errors())
    return []


def _lines(form: type[BaseModel], values: Any, found: list[Any], keep: Keep) -> list[str]:
    lines: dict[str, None] = {}
    rest, removed = copy.deepcopy(values), set[Place]()
    for _ in range(MOST_ROUNDS):
        places = []
        for alike in _by_place(keep(found), rest):
            text = _sentence(alike, form, rest)
            if not _follows(alike[0], text, removed):
                lines |= dict.fromkeys(text.splitlines())
            if (place := _to_leave_out(alike[0], text, rest)) is not None:
                places.append(place)
        if not places:
            break
        for place in places:
            _leave_out(rest, place)
        removed.update(places)
        if not (found := _found(form, rest)):
            break
    return list(lines)


def _by_place(faults: Sequence[Any], values: Any) -> Iterator[list[Any]]:
    """Faults of one value together: a union has one for each of its kinds."""
    groups: dict[Any, list[Any]] = {}
    for number, fault in enumerate(faults):
        place = _known(fault["loc"], values)
        alone = place == fault["loc"] or fault["type"] == "missing"
        groups.setdefault((number,) if alone else place, []).append(fault)
    yield from groups.values()


def _sentence(alike: Sequence[Any], form: type[BaseModel], values: Any) -> str:
    fault = alike[0]
    place = fault["loc"] if len(alike) == 1 else _known(fault["loc"], values)
    name = ".".join(map(_name, place)) or "the whole"
    if fault["type"] == "extra_forbidden":
        given = "" if _SECRET.search(name) else f", but is {short_value(fault['input'])}"
        return f"{name} is not an option{_meant(fault['loc'], form)}{given}"
    if fault["type"] == "value_error":
        return _placed(str(fault["ctx"]["error"]).rstrip("."), fault, name)
    if fault["type"] == "missing":
        return f"{name} is missing"
    guess = ""
    if fault["type"] == "literal_error":
        guess = did_you_mean(str(fault["input"]), re.findall(r"'([^']+)'", fault["ctx"]["expected"]))
    allowed = ", or ".join(one["msg"][0].lower() + one["msg"][1:].rstrip(".") for one in alike)
    return f"{name} is {short_value(fault['input'])}{guess}: {allowed}"


def _placed(sentence: str, fault: Any, name: str) -> str:
    """A validator's own sentence, behind the place and the value that it does not name itself."""
    place = fault["loc"]
    first = _first_name(sentence)
    if not place or first[0] == str(place[0]) or first[-1] == str(place[-1]):
        return sentence
    section = isinstance(fault["input"], dict | BaseModel)
    return f"{name}: {sentence}" if section else f"{name} is {short_value(fault['input'])}: {sentence}"


def _first_name(sentence: str) -> Place:
    return tuple(re.split(r"[:\s]", sentence, maxsplit=1)[0].split("."))


def _name(part: Any) -> str:
    """A name as it is written; one that would break the line, move a terminal's cursor or fill the page, as a value."""
    text = str(part)
    return text if text.isprintable() and len(text) <= _LONGEST_VALUE else short_value(part)


def short_value(value: Any) -> str:
    """As repr, but of _LONGEST_VALUE characters and an ellipsis at most, however large or nested the value is: what a
    validator may repeat of what is not validated yet.
    """
    text = _BRIEF.repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _meant(place: Place, form: type[BaseModel]) -> str:
    """What an unknown name may have meant: one of its section, or of another; else all that the section knows."""
    section = _form_of(place[:-1], form)
    if section is None:
        return ""
    last, names = str(place[-1]), sorted(field.alias or name for name, field in section.model_fields.items())
    elsewhere = [dotted for dotted in _dotted(form) if dotted.rpartition(".")[2] == last]
    guess = f" (did you mean {elsewhere[0]}?)" if elsewhere else did_you_mean(last, names)
    return guess or f" (allowed are {', '.join(names)})"


def _form_of(place: Place, form: Any) -> type[BaseModel] | None:
    """The form that stands at a place of another; None where there is none by itself."""
    kind = form
    for part in place:
        origin = get_origin(kind)
        if origin is dict:
            kind = get_args(kind)[1]
        elif origin in _OPEN and isinstance(part, int):
            kind = get_args(kind)[0]
        elif isinstance(kind, type) and issubclass(kind, BaseModel) and part in kind.model_fields:
            kind = kind.model_fields[part].annotation
        else:
            return None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _dotted(form: type[BaseModel], before: str = "") -> Iterator[str]:
    """Names of all options, those of sections behind a dot."""
    for name, field in form.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _dotted(kind, f"{before}{name}.")
        else:
            yield before + (field.alias or name)


def _known(place: Place, values: Any) -> Place:
    """As much of a place as the values have."""
    for depth, part in enumerate(place):
        in_list = isinstance(values, list | tuple) and isinstance(part, int) and part < len(values)
        if not (in_list or (isinstance(values, dict) and part in values)):
            return place[:depth]
        values = values[part]
    return place


def _to_leave_out(fault: Any, text: str, values: Any) -> Place | None:
    """Where the value stands that a fault is about; None where there is none. Sentences begin with its name."""
    place: Place = fault["loc"]
    if fault["type"] == "missing":
        return None
    if fault["type"] == "value_error":
        first = _first_name(text)
        for named in (first, place + first):
            if named and _known(named, values) == named:
                return named
    known = _known(place, values)
    while known and isinstance(known[-1], int):  # of a list with a wrong entry nothing is left
        known = known[:-1]
    return known or None


def _leave_out(values: Any, place: Place) -> None:
    for part in place[:-1]:
        if not isinstance(values, dict | list) or (isinstance(values, dict) and part not in values):
            return
        values = values[part]
    if isinstance(values, dict):
        values.pop(place[-1], None)


def _follows(fault: Any, text: str, removed: set[Place]) -> bool:
    """Whether a fault may only be there because of a value that was left out."""
    place = fault["loc"]
    if fault["type"] == "missing":
        return place in removed
    if fault["type"] != "value_error":
        return False
    words = {word.strip(".") for word in re.findall(r"[\w.]+", text)}
    near = {one[len(place) :] if one[: len(place)] == place else one for one in removed}
    return any(".".join(map(str, one)) in words for one in (*removed, *near) if one)
