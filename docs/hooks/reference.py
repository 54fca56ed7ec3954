"""Reference pages out of the code itself: `<!-- generated: cli -->`, `configuration` and `capture`.

mkdocs calls `on_page_markdown` for every page; nothing else here is needed to extend the site.
"""

import json
import textwrap
import types
import typing
from collections.abc import Iterator
from typing import Any

import click
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

SHARED = ("sample_rate_hz", "center_frequency_hz", "rx_antennas", "users", "seed", "channel", "noise_power")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the generated text where a page asks for it."""
    pages = {"cli": cli_reference, "configuration": configuration_reference, "capture": capture_reference}
    for name, generate in pages.items():
        mark = f"<!-- generated: {name} -->"
        if mark in markdown:
            markdown = markdown.replace(mark, generate())
    return markdown


def capture_reference() -> str:
    """Markdown: the data sets of a capture."""
    from hil.dataset.layout import FIELDS

    lines = ["| data set | type | of each slot | unit | |", "| --- | --- | --- | --- | --- |"]
    for field in FIELDS:
        shape = f"[{', '.join(field.shape)}]" if field.shape else "number"
        star = " *" if field.ragged else ""
        lines.append(f"| `{field.name}`{star} | {field.dtype.name} | {shape} | {field.unit} | {_cell(field.text)} |")
    return "\n".join(lines)


# -- commands ---------------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[list[str], click.Command]]:
    """Every command and subcommand with the words that lead to it, in the order of `semnoma-hil --help`."""
    from hil.cli.main import cli

    def walk(words: list[str], command: click.Command) -> Iterator[tuple[list[str], click.Command]]:
        yield words, command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                below = command.get_command(context, name)
                if below is not None:
                    yield from walk([*words, name], below)

    yield from walk(["semnoma-hil"], cli)


def cli_reference() -> str:
    """Markdown: a section per command with its help, usage and options."""
    return "\n\n".join(_command(words, command) for words, command in commands())


def _command(words: list[str], command: click.Command) -> str:
    context = click.Context(command, info_name=" ".join(words))
    parts = [f"## {' '.join(words)}", *_help(command.help or "")]
    usage = " ".join([context.info_name or "", *command.collect_usage_pieces(context)])
    parts.append(f"```text\n{usage}\n```")
    rows = [record for p in command.params if (record := p.get_help_record(context)) is not None]
    if rows:
        lines = ["| option | |", "| --- | --- |"]
        lines += [f"| {_cell(f'`{names}`')} | {_cell(text)} |" for names, text in rows]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _help(text: str) -> Iterator[str]:
    """Paragraphs as they are; what click must not re-wrap (after a \\b) as a block."""
    for paragraph in text.replace("\x08", "\b").split("\n\n"):
        if paragraph.lstrip().startswith("\b"):
            yield "```text\n" + textwrap.dedent(paragraph.replace("\b", "")).strip() + "\n```"
        elif paragraph.strip():
            yield " ".join(paragraph.split())


# -- configuration ----------------------------------------------------------------------------------------


def configuration_reference() -> str:
    """Markdown: a table per section of `RunConfig`, with types, defaults and descriptions."""
    from hil.config import RunConfig

    parts, seen = [], set()
    waiting: list[tuple[str, type[BaseModel]]] = [("top level", RunConfig)]
    while waiting:
        title, model = waiting.pop(0)
        if model in seen:
            continue
        seen.add(model)
        parts.append(_section(title, model))
        prefix = "" if model is RunConfig else f"{title}."
        for name, field in model.model_fields.items():
            waiting += [(f"{prefix}{name}", inner) for inner in _models(field.annotation)]
    return "\n\n".join(parts)


def _section(title: str, model: type[BaseModel]) -> str:
    lines = [f"## {title}", "", " ".join((model.__doc__ or "").split("\n\n")[0].split()), ""]
    lines += ["| name | allowed | default | |", "| --- | --- | --- | --- |"]
    for name, field in model.model_fields.items():
        if title in ("waveform", "air") and name in SHARED:
            text = "Follows from the top level: set it there." if name != "noise_power" else "Follows from snr_db."
            lines.append(f"| `{name}` | | | {text} |")
            continue
        lines.append(f"| `{name}` | {_cell(_allowed(field))} | {_cell(_default(field))} | {_cell(field.description)} |")
    return "\n".join(lines)


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Models anywhere inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in typing.get_args(annotation) for model in _models(inner)]


def _allowed(field: FieldInfo) -> str:
    low, high, entries = None, None, []
    for limit in field.metadata:
        if isinstance(limit, Ge | Gt):
            low = (">=", limit.ge) if isinstance(limit, Ge) else (">", limit.gt)
        elif isinstance(limit, Le | Lt):
            high = ("<=", limit.le) if isinstance(limit, Le) else ("<", limit.lt)
        elif isinstance(limit, MinLen):
            entries.append(f"at least {limit.min_length} entries")
        elif isinstance(limit, MaxLen):
            entries.append(f"at most {limit.max_length} entries")
    return ", ".join([_type(field.annotation), *_range(low, high), *entries])


def _range(low: tuple[str, Any] | None, high: tuple[str, Any] | None) -> list[str]:
    """Limits as a reader says them; no line breaks between a sign and its number."""
    if low and high and (low[0], high[0]) == (">=", "<="):
        return [f"{_number(low[1])} to {_number(high[1])}"]
    return [f"{sign}&nbsp;{_number(value)}" for sign, value in filter(None, (low, high))]


def _number(value: Any) -> str:
    return "2^63" if value == 1 << 63 else f"{value:,}"


def _type(annotation: Any) -> str:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is type(None):
        return "null"
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type(part) for part in inner)
    if origin is tuple:
        if len(inner) == 2 and inner[1] is Ellipsis:
            return f"list of {_type(inner[0])}"
        return "(" + ", ".join(_type(part) for part in inner) + ")"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    names = {float: "number", int: "whole number", str: "text", bool: "true or false"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)).lower())


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return "must be given"
    if isinstance(default, BaseModel):
        return "see its section"
    if isinstance(default, float) and default and not 1e-3 <= abs(default) < 1e4:
        return f"`{default:g}`"
    return f"`{json.dumps(default, default=str)}`"


def _cell(text: str | None) -> str:
    """Text that Markdown takes for text, and that does not end a table's cell."""
    plain = " ".join((text or "").split()).replace("|", "\\|")
    if "`" in plain:
        return plain
    return plain.replace("[", "\\[").replace("<", "&lt;").replace("*", "\\*")
