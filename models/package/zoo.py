"""Finding codecs and refiners by name, among the package's own weights and those a user added, or by path."""

from __future__ import annotations

import json
import os
from importlib.resources import files
from pathlib import Path

from models.errors import ModelError
from models.package.manifest import MANIFEST_NAME
from models.suggestion import did_you_mean

DEFAULT_CODEC = "real-time"
DEFAULT_REFINER = "refiner-32"
PIPELINE_INDEX = "model_index.json"  # of a diffusers pipeline
ADDED_VARIABLE = "SEMNOMA_HIL_MODELS"


def weights_folder() -> Path:
    """The folder of shipped weights, in a checkout as in an installed wheel."""
    return Path(str(files("models") / "weights"))


def added_folder() -> Path:
    """Where ``semnoma-hil models add`` puts codecs: $SEMNOMA_HIL_MODELS, or semnoma-hil/models in the user's data."""
    if named := os.environ.get(ADDED_VARIABLE):
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "semnoma-hil" / "models"


def codec_folder(name_or_path: str | Path = DEFAULT_CODEC) -> Path:
    """The folder of a codec's name or of a path; not yet verified (loading does that). Shipped names come first.

    Raises ModelError naming the installed codecs when there is neither.
    """
    return _find(name_or_path, "codec")


def refiner_folder(name_or_path: str | Path = DEFAULT_REFINER) -> Path:
    """The same for a refiner, which may be a pipeline of diffusers' form too, in a folder."""
    text = str(name_or_path)
    if text and (Path(text) / PIPELINE_INDEX).is_file():
        return Path(text)
    return _find(name_or_path, "refiner")


def _find(name_or_path: str | Path, kind: str) -> Path:
    text = str(name_or_path)
    if text and "/" not in text and "\\" not in text:
        for place in (weights_folder(), added_folder()):
            if (place / text / MANIFEST_NAME).is_file():
                return place / text
    folder = Path(name_or_path)
    if text and (folder / MANIFEST_NAME).is_file():
        return folder
    names = [found.name for found in _installed(kind)]
    raise ModelError(
        f"{text!r} is no installed {kind} nor a folder with a {MANIFEST_NAME}{did_you_mean(text, names)}; "
        f"installed are: {', '.join(names) or 'none'}."
    )


def list_codecs() -> list[Path]:
    """Folders of the installed codecs, shipped ones first, each by name; ``load_manifest`` verifies one."""
    return _installed("codec")


def network_folder(name_or_path: str | Path) -> Path:
    """The same for what is neither codec of pictures nor refiner."""
    return _find(name_or_path, "network")


def list_networks() -> list[Path]:
    """The same for what is neither codec of pictures nor refiner."""
    return _installed("network")


def list_refiners() -> list[Path]:
    """The same for refiners."""
    return _installed("refiner")


def _installed(kind: str) -> list[Path]:
    places = [place for place in (weights_folder(), added_folder()) if place.is_dir()]
    found = [entry for place in places for entry in sorted(place.iterdir()) if (entry / MANIFEST_NAME).is_file()]
    return [folder for folder in found if _kind(folder) == kind]


def _kind(folder: Path) -> str:
    path = folder / MANIFEST_NAME
    try:
        kind = json.loads(path.read_bytes())["kind"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is not a valid manifest: it does not say what kind of model it is.") from error
    return str(kind)
