"""Who imports whom, read from the source: the one reader behind the picture of the house and the test of its doors.

A module's room is its folder. Imports inside functions count, as does `import_module` of a literal name; only what
stands under `if TYPE_CHECKING` does not happen at run time and is left out. What a table names as text (commands,
backends) is loaded on request and is no import.
"""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("hil", "calibration", "models", "radio")
ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def read_modules(root: Path = ROOT) -> dict[str, set[str]]:
    """Every module of the packages below ``root`` -> the dotted names that it imports, ours and others'."""
    paths = {_name(path.relative_to(root)): path for package in PACKAGES for path in (root / package).rglob("*.py")}
    return {name: set(_imports(name, path, paths.keys())) for name, path in sorted(paths.items())}


def room_of(module: str, root: Path = ROOT) -> str:
    """The folder of a module. `hil.__main__` is how Python enters the command line, so it is at home there."""
    if module == "hil.__main__":
        return "hil.cli"
    return module if (root / module.replace(".", "/")).is_dir() else module.rpartition(".")[0]


@functools.cache
def read_rooms(root: Path = ROOT) -> dict[str, set[str]]:
    """Every room -> the other rooms that its modules import from. A package of loose modules alone is a room too."""
    modules = read_modules(root)
    rooms: dict[str, set[str]] = {room_of(module, root): set() for module in modules}
    for module, imported in modules.items():
        here = room_of(module, root)
        rooms[here] |= {room_of(name, root) for name in imported if name in modules} - {here}
    return rooms


def said_of(room: str, root: Path = ROOT) -> str:
    """The first paragraph of the room's docstring, on one line."""
    text = (root / room.replace(".", "/") / "__init__.py").read_text(encoding="utf-8")
    return " ".join((ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0].split())


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(module: str, path: Path, known: set[str] | dict[str, Path]) -> Iterator[str]:
    folder = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in _run_time(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = folder[: len(folder) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:  # a name of a package may be a module of it
                inner = f"{source}.{alias.name}"
                yield inner if inner in known else source
        elif isinstance(node, ast.Call) and _loads(node):
            yield node.args[0].value  # type: ignore[attr-defined]


def _run_time(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below but those that only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for other in child.orelse:
                yield other
                yield from _run_time(other)
        else:
            yield child
            yield from _run_time(child)


def _loads(call: ast.Call) -> bool:
    called = getattr(call.func, "attr", getattr(call.func, "id", ""))
    first = call.args[0] if call.args else None
    return called in ("import_module", "__import__") and isinstance(getattr(first, "value", None), str)
