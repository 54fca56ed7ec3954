"""Configurations, plans and training settings that come with the package, by name."""

from importlib import resources
from pathlib import Path

from hil.errors import UsageError
from models.suggestion import did_you_mean

KINDS = {"": "configuration", "plans": "plan", "training": "training configuration", "labs": "lab inventory"}


def packaged_config_folder() -> Path:
    """configs/ of the checkout, or its copy inside an installed wheel."""
    installed = Path(str(resources.files("hil"))) / "configs"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "configs"


def packaged_names(kind: str = "") -> list[str]:
    """Names of what the package brings. kind: "" (configurations of a run), "plans", "training" or "labs"."""
    return sorted(file.stem for file in (packaged_config_folder() / kind).glob("*.yaml"))


def named_file(given: Path, kind: str = "") -> Path:
    """The file that `given` is, or names. Raises UsageError that lists the names there are."""
    if given.exists():
        return given
    names = packaged_names(kind)
    if str(given) in names:
        return packaged_config_folder() / kind / f"{given}.yaml"
    guess = did_you_mean(given.stem, names)
    raise UsageError(f"{given} is neither a file nor the name of a {KINDS[kind]}{guess}; there are {', '.join(names)}.")
