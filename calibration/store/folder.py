"""A folder of calibration files, one per device, role and carrier."""

import hashlib
import os
import re
import tempfile
import time
from pathlib import Path

import yaml

from calibration.errors import CalibrationError
from calibration.store.record import MAX_AGE_S, Calibration, Device
from calibration.store.yaml_file import read_form


def default_folder() -> Path:
    """$SEMNOMA_HIL_CALIBRATION, else semnoma-hil/calibration in the user's state folder. CalibrationError: no home."""
    if named := os.environ.get("SEMNOMA_HIL_CALIBRATION"):
        return Path(named)
    state = os.environ.get("XDG_STATE_HOME")
    if not state:
        try:
            state = str(Path.home() / ".local" / "state")
        except RuntimeError:
            raise CalibrationError("this user has no home folder: set SEMNOMA_HIL_CALIBRATION.") from None
    return Path(state) / "semnoma-hil" / "calibration"


def read(path: Path) -> Calibration:
    """Read a calibration file. Raises CalibrationError with one sentence for any other file."""
    return read_form(path, Calibration, "calibration file")


class CalibrationFolder:
    """path: created at the first `save`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, calibration: Calibration) -> Path:
        """Write the file as a whole or not at all; one of the same device, role and carrier is replaced."""
        device = calibration.device
        target = self.path / self._name(device)
        text = yaml.safe_dump(calibration.model_dump(mode="json"), sort_keys=False)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.path, suffix=".tmp", delete=False, encoding="utf-8") as file:
                partial = Path(file.name)
                try:
                    file.write(text)
                    file.flush()
                    partial.replace(target)
                except BaseException:  # a full disk, or a folder of that name
                    partial.unlink(missing_ok=True)
                    raise
        except OSError as error:
            raise CalibrationError(f"{target} cannot be written: {error.strerror}.") from None
        return target

    @staticmethod
    def _name(device: Device) -> str:
        """Readable, and of this device and setting alone: what a file name cannot hold goes into a digest."""
        serial = re.sub(r"[^A-Za-z0-9._-]+", "_", device.serial)[:60]
        facts = f"{device.serial}|{device.hardware}|{device.center_frequency_hz!r}|{device.sample_rate_hz!r}"
        digest = hashlib.sha256(facts.encode()).hexdigest()[:8]
        return f"{device.role}-{serial}-{device.center_frequency_hz / 1e6:.0f}MHz-{digest}.yaml"

    def files(self) -> list[Path]:
        return sorted(self.path.glob("*.yaml"))

    def load(
        self, path: Path, device: Device, now_unix_s: float | None = None, max_age_s: float = MAX_AGE_S
    ) -> Calibration:
        """A named file for a device. Raises CalibrationError when it is stale or of another device or setting."""
        calibration = read(path)
        misfit = calibration.misfit(device, time.time() if now_unix_s is None else now_unix_s, max_age_s)
        if misfit:
            raise CalibrationError(f"{path} cannot be used: {misfit}; run `semnoma-hil calibrate` again.")
        return calibration

    def find(
        self, device: Device, now_unix_s: float | None = None, max_age_s: float = MAX_AGE_S
    ) -> tuple[Calibration, list[str]]:
        """The newest calibration that fits, or the null calibration; and why files of this device were not used."""
        fitting, refusals = [], []
        for path in self.files():
            try:
                fitting.append(self.load(path, device, now_unix_s, max_age_s))
            except CalibrationError as error:
                if f"not of {device.role} {device.serial}" not in str(error):
                    refusals.append(str(error))
        newest = max(fitting, key=lambda c: c.measured_unix_s, default=None)
        return newest or Calibration.null(device), refusals

    def clear(self, serial: str | None = None) -> list[Path]:
        """Remove the calibrations of one device, or all; the removed files. Files that are none are left alone."""
        removed = []
        for path in self.files():
            try:
                calibration = read(path)
            except CalibrationError:
                continue
            if serial is None or calibration.device.serial == serial:
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    raise CalibrationError(f"{path} cannot be removed: {error.strerror}.") from None
                removed.append(path)
        return removed
