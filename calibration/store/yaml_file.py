"""A small YAML file as a pydantic form, or one sentence."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from calibration.errors import CalibrationError

MAX_FILE_BYTES = 1 << 16
# What PyYAML's own constructors let through: dates that no calendar has, tags that do not fit their value, depth.
NO_VALUE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)

Form = TypeVar("Form", bound=BaseModel)


def read_form(path: Path, form: type[Form], what: str) -> Form:
    """Read a file. what: it is, "calibration file". Raises CalibrationError with one sentence for any other file."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise CalibrationError(f"{path} is larger than {MAX_FILE_BYTES} bytes and no {what}.")
        return form.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise CalibrationError(f"{path} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        raise CalibrationError(f"{path} is no {what}: {_all(error)}.") from None
    except (yaml.YAMLError, *NO_VALUE) as error:
        raise CalibrationError(f"{path} is not valid YAML: {' '.join(str(error).split())[:200]}.") from None


def _all(error: ValidationError) -> str:
    """What is wrong, one after the other."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'the file'}: {fault['msg'].rstrip('.')}"
        for fault in error.errors()
    )
