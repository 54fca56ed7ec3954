"""Raw IQ without metadata: `capture.cf32?rate=4e6&frequency=2.45e9`, and WAV files with I and Q as two channels."""

import math
import struct
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from radio.errors import ConfigurationError

DATATYPES = {
    ".cf32": "cf32_le", ".fc32": "cf32_le", ".cfile": "cf32_le", ".cf64": "cf64_le", ".cs16": "ci16_le",
    ".sc16": "ci16_le", ".cu16": "cu16_le", ".cs8": "ci8", ".cu8": "cu8",
}  # fmt: skip
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_WAV_TYPES = {(_PCM, 8): "cu8", (_PCM, 16): "ci16_le", (_PCM, 32): "ci32_le", (_FLOAT, 32): "cf32_le"}


def raw_facts(path: Path, options: str) -> tuple[dict[str, Any], int, int] | None:
    """(SigMF's global object, first byte, number of bytes) of a raw file; None for a file of another kind.

    Raises ConfigurationError for what cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix not in DATATYPES and suffix != ".wav":
        if options:
            raise ConfigurationError(f"{path} takes no options; ?rate= is for raw files such as capture.cf32.")
        return None
    given = dict(parse_qsl(options, keep_blank_values=True))
    unknown = sorted(given.keys() - {"rate", "frequency"})
    if unknown:
        raise ConfigurationError(f"{path}: {unknown[0]} is no option of a raw file; rate and frequency are.")
    facts: dict[str, Any] = {}
    try:
        if suffix == ".wav":
            facts, offset, n_bytes = _wav(path)
        else:
            facts, offset, n_bytes = {"core:datatype": DATATYPES[suffix]}, 0, path.stat().st_size
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    if "rate" in given:
        facts["core:sample_rate"] = _number(path, "rate", given["rate"])
    if "frequency" in given:
        facts["semnoma:frequency"] = _number(path, "frequency", given["frequency"])
    if "core:sample_rate" not in facts:
        raise ConfigurationError(f"{path} does not tell its sample rate: name it, {path}?rate=4e6.")
    return facts, offset, n_bytes


def _number(path: Path, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ConfigurationError(f"{path}: {name} is {text[:40]!r} and must be a positive number.")
    return value


def _wav(path: Path) -> tuple[dict[str, Any], int, int]:
    """RIFF chunks up to the samples. A recorder that was killed leaves a length of 0 or too long a one."""
    size = path.stat().st_size
    kind = channels = rate_hz = bits = 0
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
            raise ConfigurationError(f"{path} is not a WAV file.")
        while len(chunk := file.read(8)) == 8:
            name, length = chunk[:4], struct.unpack("<I", chunk[4:])[0]
            if name == b"fmt " and length >= 16:
                content = file.read(length + length % 2)
                kind, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", content.ljust(16, b"\0"))
                if kind == _EXTENSIBLE and len(content) >= 26:
                    kind = struct.unpack_from("<H", content, 24)[0]
            elif name == b"data":
                datatype = _WAV_TYPES.get((kind, bits))
                if channels != 2 or datatype is None:
                    raise ConfigurationError(
                        f"{path} has {channels} channels of {bits} bits; "
                        f"I and Q as two channels of 8, 16 or 32 can be read."
                    )
                left = size - file.tell()
                facts = {"core:datatype": datatype, "core:sample_rate": rate_hz}
                return facts, file.tell(), min(length or left, left)
            else:
                file.seek(length + length % 2, 1)
    raise ConfigurationError(f"{path} holds no samples.")
