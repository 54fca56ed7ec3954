"""What a run's pictures depend on beyond its configuration: the software and the files of codec and refiner."""

from pathlib import Path

import yaml

import hil
from hil.config import RunConfig
from hil.results.durable import write_whole
from hil.results.rows import ResultsError, explained
from hil.yaml_text import yaml_values
from models.package.digest import folder_digest
from models.package.zoo import codec_folder, refiner_folder

IDENTITY = "identity.yaml"


def identity(config: RunConfig) -> dict[str, str]:
    """Version, and SHA-256 of the manifests, which name those of every other file. Raises ModelError."""
    facts = {"semnoma-hil": hil.__version__, f"codec {config.codec}": folder_digest(codec_folder(config.codec))}
    if config.refine:
        facts[f"refiner {config.refiner}"] = folder_digest(refiner_folder(config.refiner))
    return facts


def keep_identity(out: Path, now: dict[str, str], resumed: bool) -> None:
    """Write it beside the results; where some are resumed, ResultsError names in what they differ."""
    path = out / IDENTITY
    with explained(path):
        if resumed and path.exists():
            try:
                before = yaml_values(path.read_text(encoding="utf-8"))
            except (yaml.YAMLError, UnicodeDecodeError):
                before = None
            if not isinstance(before, dict):
                raise ResultsError(f"{path} cannot be read: this run cannot be resumed, choose another --out.")
            differ = [
                f"{name} (was {before[name]}, is {value})"
                for name, value in now.items()
                if name in before and before[name] != value
            ]
            if differ:
                raise ResultsError(
                    f"{out} was recorded with another {', another '.join(differ)}; choose another --out."
                )
        write_whole(path, yaml.safe_dump(now).encode())
