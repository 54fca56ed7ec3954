"""Settings of a training run from a YAML file, or a name in configs/training, and the flags given."""

from __future__ import annotations

from typing import Any


def training_settings(form: Any, flags: dict[str, Any]) -> Any:
    """Settings from the YAML file and the flags given; ModelError naming the first that is wrong."""
    import yaml
    from pydantic import ValidationError

    from models.errors import ModelError

    path = flags.pop("config")
    if path is not None and not path.exists():
        from hil.config import packaged_config_folder

        named = packaged_config_folder() / "training" / f"{path}.yaml"
        if path.suffix or not named.is_file():
            known = ", ".join(sorted(found.stem for found in named.parent.glob("*.yaml")))
            raise ModelError(f"{path} is neither a file nor one of the training configurations {known}.")
        path = named
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) if path else {}
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
        raise ModelError(f"training setting {where} is not usable: {first['msg']}.") from error
