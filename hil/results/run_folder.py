"""What stands beside the results of a run: its configuration in full."""

from pathlib import Path

import yaml

from hil.config import RunConfig
from hil.results.durable import write_whole
from hil.results.rows import ResultsError


def write_config(out: Path, config: RunConfig) -> Path:
    """Write every value of the configuration, defaults included, as YAML. Raises ResultsError."""
    path = out / "config.yaml"
    try:
        write_whole(path, yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False).encode())
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror or error}.") from error
    return path
