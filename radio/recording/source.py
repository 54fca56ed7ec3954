"""Where a recording's metadata and samples lie: two files, one archive, or a raw file whose name says what it holds."""

import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radio.errors import ConfigurationError
from radio.recording.formats import DATA, META
from radio.recording.raw import raw_facts

ARCHIVE = ".sigmf"
MAX_META_BYTES = 1 << 28


@dataclass(frozen=True)
class Source:
    """meta: the JSON object. The samples are n_bytes (None: what there is) of data_path from offset on."""

    meta_path: Path
    meta: dict[str, Any]
    data_path: Path
    offset: int = 0
    n_bytes: int | None = None


def open_source(path: Path | str) -> Source:
    """Either file of a SigMF recording, their stem, an archive, or a raw file. Raises ConfigurationError."""
    text, _, options = str(path).partition("?")
    named = Path(text)
    raw = raw_facts(named, options)
    if raw is not None:
        facts, offset, n_bytes = raw
        return Source(named, {"global": facts, "captures": []}, named, offset, n_bytes)
    if named.suffix.lower() == ARCHIVE:
        return _archive(named)
    meta_path, data_path = _pair(text)
    meta = _read(meta_path, lambda: meta_path.read_bytes())
    facts = meta["global"]
    if facts.get("core:metadata_only"):
        raise ConfigurationError(f"{meta_path} is metadata without samples (core:metadata_only).")
    dataset = facts.get("core:dataset")
    if dataset is not None:
        if not isinstance(dataset, str) or Path(dataset).name != dataset or dataset in ("", ".", ".."):
            raise ConfigurationError(
                f"{meta_path}: core:dataset is {str(dataset)[:80]!r} and must name a file beside it."
            )
        data_path = meta_path.parent / dataset
    return Source(meta_path, meta, data_path)


def _pair(text: str) -> tuple[Path, Path]:
    """The files of a recording, with their extensions in whatever case they have on the disk."""
    stem = text
    for suffix in (META, DATA):
        if text.lower().endswith(suffix):
            stem = text[: -len(suffix)]
    if not stem or stem.endswith("/"):
        raise ConfigurationError(f"{text!r} does not name a recording such as capture{META}.")
    return _as_it_is_spelt(Path(stem + META)), _as_it_is_spelt(Path(stem + DATA))


def _as_it_is_spelt(path: Path) -> Path:
    if path.exists() or not path.parent.is_dir():
        return path
    wanted = path.name.lower()
    return next((other for other in path.parent.iterdir() if other.name.lower() == wanted), path)


def _archive(path: Path) -> Source:
    """A tar file with one recording, read where it lies."""
    try:
        with tarfile.open(path, "r:") as archive:
            members = [member for member in archive.getmembers() if member.isfile()]
            metas = [member for member in members if member.name.lower().endswith(META)]
            if len(metas) != 1:
                raise ConfigurationError(f"{path} holds {len(metas)} recordings; an archive of one can be read.")
            stem = metas[0].name[: -len(META)].lower()
            data = next((member for member in members if member.name.lower() == stem + DATA), None)
            if data is None:
                raise ConfigurationError(f"{path} holds no {DATA} file.")

            def content() -> bytes:
                if metas[0].size > MAX_META_BYTES:
                    raise ConfigurationError(f"{path}: its metadata are larger than {MAX_META_BYTES} bytes.")
                file = archive.extractfile(metas[0])
                return b"" if file is None else file.read()

            return Source(path, _read(path, content), path, data.offset_data, data.size)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise ConfigurationError(
            f"{path} is not a SigMF archive, which is an uncompressed tar file: {error}."
        ) from None


def _read(path: Path, content: Callable[[], bytes]) -> dict[str, Any]:
    try:
        meta = json.loads(content().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} is not JSON: {error}.") from None
    if not isinstance(meta, dict) or not isinstance(meta.get("global"), dict):
        raise ConfigurationError(f"{path} is not SigMF metadata: it has no object named global.")
    return meta
