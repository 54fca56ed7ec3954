"""How Python processes of ours start: from the code that started them, whatever the working directory holds."""

import os
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


def isolated_command(module: str, *arguments: str) -> list[str]:
    """`python -m MODULE ARGUMENTS` that does not search the working directory for modules."""
    return [sys.executable, "-P", "-m", module, *arguments]


def isolated_environment() -> dict[str, str]:
    """This process's environment; a checkout leads PYTHONPATH, so that a child runs no other, installed copy."""
    if not (_ROOT / "pyproject.toml").exists():
        return dict(os.environ)
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and Path(path) != _ROOT]
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(_ROOT), *others])}
