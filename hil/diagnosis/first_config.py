"""A commented configuration to start from, for the radios that a machine can reach."""

import json
import textwrap
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from hil.config import RunConfig

MOST_USERS = 8
_SECTIONS = (
    "bus",
    "radio",
    "rx",
    "burst",
    "feedback",
    "control",
    "video",
    "semantic",
    "guard",
)  # waveform and air have a reference page


def first_config(found: Sequence[tuple[str, str]]) -> str:
    """YAML that `load_config` takes. found: (URI, what it is) of each radio; none: the simulated air.

    The first radio receives, the others transmit for user 0, 1, ...; every further option stands as a comment with its
    default and what it is.
    """
    transmitters = [uri for uri, _ in found[1 : MOST_USERS + 1]]
    chosen: dict[str, Any] = {"users": len(transmitters) or RunConfig.model_fields["users"].default}
    radio: dict[str, Any] = {}
    if found:
        radio = {"device": found[0][0], "transmitters": transmitters}
        chosen |= {"sample_rate_hz": 1e6}
    lines = ["# Made by `semnoma-hil init`; options that start with # have the value they have anyway.", "#"]
    lines += [f"# found: {uri}  ({' '.join(what.split())})" for uri, what in found] or ["# found: no radio"]
    if found:
        lines += [
            "#",
            "# Before anything transmits: is the band allowed where you are (guard.allowed_bands_hz), is there",
            "# attenuation in every cable, do the gains suit it? `semnoma-hil probe URI` only listens.",
        ]
        if not transmitters:
            lines += ["# One radio was found: name those that transmit (radio.transmitters) before a run."]
    lines += ["", *_options(RunConfig, chosen, "")]
    for name in _SECTIONS:
        model = RunConfig.model_fields[name].annotation
        assert isinstance(model, type) and issubclass(model, BaseModel)
        given = radio if name == "radio" else {}
        lines += ["", f"# {(model.__doc__ or '').splitlines()[0]}", f"{name}:" if given else f"# {name}:"]
        lines += _options(model, given, "  " if given else "#   ")
    return "\n".join(lines) + "\n"


def _options(model: type[BaseModel], chosen: dict[str, Any], indent: str) -> list[str]:
    lines = []
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            continue
        value = chosen.get(name, default)
        shown = json.dumps(value, default=str)
        mark = "" if name in chosen or indent.startswith("#") else "# "
        line = f"{indent}{mark}{name}: {shown}"
        note = field.description or ""
        wide = len(line) + len(note) > 110
        if wide:
            lead = f"{indent}# " if not indent.startswith("#") else indent.replace("# ", "#  ")
            lines += textwrap.wrap(note, 100, initial_indent=lead, subsequent_indent=lead)
        lines.append(line if wide or not note else f"{line:<46}  # {note}")
    return lines
