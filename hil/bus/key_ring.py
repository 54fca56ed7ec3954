"""Which key may take which name on the bus, read again whenever its files change: nobody needs to restart.

`authorized/NAME.key` lets a key in. `who.yaml` lists the names that it may take, which decide what it may send (see
`roles`). Without that file a key may take the name of its own; with it, a key that is not listed takes none:

    tx0: [tx0]
    rx: [rx]
    observer: ["observer*"]

A key is revoked by removing its file from authorized/, or its line or its names from who.yaml.
"""

import contextlib
import errno
import fnmatch
import logging
import time
from pathlib import Path

import yaml
import zmq.auth

from hil.yaml_text import yaml_values

log = logging.getLogger(__name__)
WHO = "who.yaml"
LOOK_S = 1.0
_DEFAULTS = {"observer": ["observer*"]}
_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)


class KeyRing:
    """The keys of one folder. A file that cannot be read lets nobody in.

    While this process has no descriptor left to read with, what was known last holds: strangers whose connections have
    taken them all must not shut out the lab.
    """

    def __init__(self, folder: Path) -> None:
        self._authorized, self._who = folder / "authorized", folder / WHO
        self._stamp: object = None
        self._looked_s = float("-inf")
        self._names: dict[str, list[str]] = {}  # patterns by public key (Z85)
        self.changed()

    def changed(self) -> bool:
        """Read the files again if they are others than last time; looks at most once in LOOK_S."""
        now = time.monotonic()
        if now - self._looked_s < LOOK_S:
            return False
        self._looked_s = now
        try:
            files = [*self._key_files(), self._who]
            stamp = [(file, _stamp(file)) for file in files]
            if stamp == self._stamp:
                return False
            self._stamp = stamp
            self._names = self._read()
        except (OSError, ValueError, yaml.YAMLError) as error:
            if isinstance(error, OSError) and error.errno in _NO_DESCRIPTOR:
                if self._stamp is not None:  # said once
                    log.error("%s is not looked at: %s; what was known holds", self._who.parent, error.strerror)
                self._stamp = None
                return False
            log.error("%s cannot be read, nobody is let in: %s", self._who.parent, " ".join(str(error).split()))
            self._names = {}
        return True

    def allows(self, public_key: str, name: str) -> bool:
        """Whether the holder of this key (Z85) may call itself so."""
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self._names.get(public_key, ()))

    def _key_files(self) -> list[Path]:
        """Empty without the folder. OSError where it cannot be listed: `glob` of Python 3.12 finds nothing then."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(file for file in self._authorized.iterdir() if file.name.endswith(".key"))
        return []

    def _read(self) -> dict[str, list[str]]:
        listed = None
        with contextlib.suppress(FileNotFoundError):  # an empty file lists nobody, which is not the same as no file
            listed = yaml_values(self._who.read_text(encoding="utf-8")) or {}
        if listed is not None and not (
            isinstance(listed, dict)
            and all(isinstance(one, list) and all(isinstance(name, str) for name in one) for one in listed.values())
        ):
            raise ValueError(f"{WHO} must give each key a list of names")
        names: dict[str, list[str]] = {}
        for file in self._key_files():
            public, _ = zmq.auth.load_certificate(file)
            own = _DEFAULTS.get(file.stem, [file.stem]) if listed is None else listed.get(file.stem, [])
            names.setdefault(public.decode(), []).extend(own)
        return names


def _stamp(file: Path) -> tuple[int, int] | None:
    """What changes when a file does; None for one that is not there, or has just been removed."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
