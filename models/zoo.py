"""Finding codecs and refiners by name among the package's own weights, or by path."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from models.errors import ModelError
from models.manifest import MANIFEST_NAME

DEFAULT_CODEC = "compact-2u"
DEFAULT_REFINER = "refiner-32"


def weights_folder() -> Path:
    """The folder of shipped weights, in a checkout as in an installed wheel."""
    return Path(str(files("models") / "weights"))


def codec_folder(name_or_path: str | Path = DEFAULT_CODEC) -> Path:
    """The folder of a shipped codec's name or of a path; not yet verified (loading does that).

    Raises ModelError naming the shipped codecs when there is neither.
    """
    return _find(name_or_path, "codec")


def refiner_folder(name_or_path: str | Path = DEFAULT_REFINER) -> Path:
    """The same for a refiner."""
    return _find(name_or_path, "refiner")


def _find(name_or_path: str | Path, kind: str) -> Path:
    text = str(name_or_path)
    shipped = weights_folder() / text
    if text and "/" not in text and "\\" not in text and (shipped / MANIFEST_NAME).is_file():
        return shipped
    folder = Path(name_or_path)
    if text and (folder / MANIFEST_NAME).is_file():
        return folder
    names = ", ".join(_shipped_names()) or "none"
    raise ModelError(f"{text!r} is neither a shipped {kind} nor a folder with a {MANIFEST_NAME}; shipped are: {names}.")


def _shipped_names() -> list[str]:
    folder = weights_folder()
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if (entry / MANIFEST_NAME).is_file())


def list_codecs() -> list[Path]:
    """Folders of the shipped codecs, by name; ``load_manifest`` verifies one."""
    return [weights_folder() / name for name in _shipped_names() if _kind(name) == "codec"]


def list_refiners() -> list[Path]:
    """Folders of the shipped refiners, by name."""
    return [weights_folder() / name for name in _shipped_names() if _kind(name) == "refiner"]


def _kind(name: str) -> str:
    path = weights_folder() / name / MANIFEST_NAME
    try:
        kind = json.loads(path.read_bytes())["kind"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is not a valid manifest: it does not say what kind of model it is.") from error
    return str(kind)
