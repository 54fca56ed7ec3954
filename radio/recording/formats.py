"""SigMF's sample formats and file names."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radio.errors import ConfigurationError

SIGMF_VERSION = "1.2.0"
META, DATA = ".sigmf-meta", ".sigmf-data"
_PATTERN = re.compile(r"^([cr])([fiu])(8|16|32|64)(?:_(le|be))?$")


@dataclass(frozen=True)
class SampleFormat:
    """One SigMF datatype. component: numpy dtype of I or Q; full_scale and zero map a component to [-1, 1]."""

    component: np.dtype
    is_complex: bool
    full_scale: float
    zero: float

    @property
    def bytes_per_sample(self) -> int:
        """Bytes of one sample of one channel."""
        return self.component.itemsize * (2 if self.is_complex else 1)

    def to_complex(self, components: np.ndarray, channels: int) -> np.ndarray:
        """Flat components as they lie in the file -> complex64 [channels, n], full scale 1.0."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is no number is the caller's to find
            values = components.astype(np.float32)
        if self.full_scale != 1.0:
            values = (values - np.float32(self.zero)) / np.float32(self.full_scale)
        if self.is_complex:
            samples = values.view(np.complex64)
        else:
            samples = values.astype(np.complex64)
        return np.ascontiguousarray(samples.reshape(-1, channels).T)


def sample_format(datatype: str) -> SampleFormat:
    """SampleFormat of e.g. 'cf32_le' or 'ci16_le'. ConfigurationError for what SigMF does not define."""
    match = _PATTERN.match(datatype.lower())
    kind, bits, order = (match[2], int(match[3]), match[4]) if match else ("", 0, None)
    if match is None or (bits > 8 and order is None) or (kind == "f" and bits < 32) or (kind != "f" and bits > 32):
        raise ConfigurationError(f"{datatype!r} is not a SigMF datatype that can be read, such as cf32_le or ci16_le.")
    component = np.dtype(("|" if bits == 8 else "<" if order == "le" else ">") + kind + str(bits // 8))
    half = 1.0 if kind == "f" else float(2 ** (bits - 1))
    return SampleFormat(component, match[1] == "c", half, half if kind == "u" else 0.0)


def sigmf_paths(path: Path | str) -> tuple[Path, Path]:
    """(metadata, data) of a recording that is named by either file or by their common stem."""
    text = str(path)
    for suffix in (META, DATA):
        text = text.removesuffix(suffix)
    if not text or text.endswith("/"):
        raise ConfigurationError(f"{str(path)!r} does not name a recording such as capture{META}.")
    return Path(text + META), Path(text + DATA)
