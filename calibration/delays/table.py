"""Delays by kind of radio, sample rate and driver, in YAML files that say where each figure comes from.

A delay is that of a transmitter, a receiver of the same kind and a cable: what a burst's tick and its arrival differ by
when nothing is corrected. It belongs to the converters' filters, so to the rate. A user's own file comes before those
that ship. What nobody measured is 0, and its entry says so.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from calibration.errors import CalibrationError
from calibration.measure.measurement import Measurement
from calibration.store.folder import default_folder
from calibration.store.record import Value
from calibration.store.yaml_file import read_form

RATE_TOLERANCE = 1e-3  # filters are chosen by the rate; a crystal's error is far below
FOLDER = "delays"


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class HardwareDelay(_Form):
    """kind: as `kind_of` names a radio, or its first words. driver: None for whichever. sample_rate_hz: None for any.
    delay: in samples, None where nobody measured it. origin: how, on what, and when it was measured.
    """

    kind: str = Field(min_length=1, max_length=200)
    driver: str | None = Field(None, max_length=200)
    sample_rate_hz: float | None = Field(None, gt=0)
    delay: Value | None = None
    origin: str = Field(min_length=1, max_length=1000)

    def fits(self, kind: str, driver: str | None, sample_rate_hz: float) -> bool:
        """Whether it is of such a radio."""
        rate = self.sample_rate_hz
        return (
            (kind == self.kind or kind.startswith(f"{self.kind} "))
            and self.driver in (None, driver)
            and (rate is None or abs(rate / sample_rate_hz - 1) <= RATE_TOLERANCE)
        )


class DelayFile(_Form):
    """Content of one file."""

    format: Literal[1]
    delays: list[HardwareDelay] = Field(max_length=1000)


def kind_of(uri: str, hardware: str | None) -> str:
    """ "usrp B200": the scheme of a radio's URI and what the device says of itself, less its serial number."""
    scheme = uri.partition(":")[0]
    words = (hardware or "").split()[:-1]
    return " ".join([scheme, *(words[1:] if words[:1] == [scheme] else words)])


def shipped_folder() -> Path:
    """Where the files are that come with the program."""
    return Path(str(files("calibration") / FOLDER))


def read_delays(path: Path) -> list[HardwareDelay]:
    """A file's entries. Raises CalibrationError with one sentence for any other file."""
    return read_form(path, DelayFile, "file of delays").delays


def find_delay(
    kind: str, driver: str | None, sample_rate_hz: float, folders: tuple[Path, ...] | None = None
) -> HardwareDelay | None:
    """The entry for such a radio: of the first folder that has one, this very kind, driver and rate first.

    folders: the user's and then the shipped one unless named. Raises CalibrationError for a file that is none.
    """
    for folder in (default_folder() / FOLDER, shipped_folder()) if folders is None else folders:
        entries = [entry for path in sorted(folder.glob("*.yaml")) for entry in read_delays(path)]
        fitting = [entry for entry in entries if entry.fits(kind, driver, sample_rate_hz)]
        if fitting:
            return max(fitting, key=lambda one: (len(one.kind), one.driver is not None, one.sample_rate_hz is not None))
    return None


def write_delay(
    kind: str, driver: str | None, sample_rate_hz: float, measured: Measurement, origin: str, folder: Path
) -> Path:
    """Write an entry into a file of its own, named by kind, driver and rate; one of that name is replaced."""
    entry = HardwareDelay(
        kind=kind, driver=driver, sample_rate_hz=sample_rate_hz, delay=Value.of(measured), origin=origin
    )
    words = [*kind.split(), *(driver or "").split(), f"{sample_rate_hz:.0f}"]
    name = "-".join("".join(c if c.isalnum() or c in "._" else "_" for c in word) for word in words)
    path = folder / f"{name}.yaml"
    text = yaml.safe_dump({"format": 1, "delays": [entry.model_dump(mode="json")]}, sort_keys=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise CalibrationError(f"{path} cannot be written: {error.strerror}.") from None
    return path
