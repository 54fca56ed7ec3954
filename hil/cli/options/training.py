"""Settings of a training run from a YAML file, or a name in configs/training, and the flags given."""

from __future__ import annotations

from typing import Any


def training_settings(form: Any, flags: dict[str, Any]) -> Any:
    """Settings from the YAML file and the flags given; ModelError with a line for each that is wrong."""
    import yaml

    from hil.packaged import named_file
    from hil.yaml_text import yaml_values
    from models.errors import ModelError
    from models.faults import Faults, read

    path = flags.pop("config")
    if path is not None:
        path = named_file(path, "training")
    try:
        values = yaml_values(path.read_text(encoding="utf-8")) if path else {}
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not YAML: {str(error).splitlines()[0]}.") from error
    if not isinstance(values or {}, dict):
        raise ModelError(f"{path} must hold settings by name, but holds a {type(values).__name__}.")
    given = {key: list(value) if isinstance(value, tuple) else value for key, value in flags.items()}
    given = {key: value for key, value in given.items() if value is not None and value != []}
    try:
        return read(form, (values or {}) | given)
    except Faults as faults:
        sources = [str(path)] * (path is not None) + ["the command line"] * bool(given or path is None)
        raise ModelError(faults.of(" and ".join(sources))) from None
