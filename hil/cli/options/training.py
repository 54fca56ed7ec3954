"""Settings of a training run from a YAML file, or a name in configs/training, and the flags given."""

from __future__ import annotations

from typing import Any


def training_settings(form: Any, flags: dict[str, Any]) -> Any:
    """Settings from the YAML file and the flags given; ModelError naming the first that is wrong."""
    import yaml
    from pydantic import ValidationError

    from hil.packaged import named_file
    from hil.yaml_text import yaml_values
    from models.errors import ModelError
    from models.suggestion import did_you_mean

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
        return form.model_validate((values or {}) | given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            guess = did_you_mean(where, form.model_fields)
            raise ModelError(f"{where} is not a setting of this training{guess}.") from error
        raise ModelError(f"training setting {where} is not usable: {first['msg']}.") from error
