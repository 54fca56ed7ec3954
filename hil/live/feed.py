"""Keeps one state fed: a run folder, a bus, or a folder whose configuration says where its bus is."""

import threading
from pathlib import Path

from hil.bus.wire import is_loopback
from hil.config import RunConfig
from hil.live.bus_source import BusSource
from hil.live.folder_source import FolderSource
from hil.live.state import LiveState


class Feed:
    """`follow` a folder or `listen` to a bus; the last call holds. Thread-safe."""

    def __init__(self, state: LiveState | None = None, keys_folder: Path | None = None) -> None:
        self.state = state or LiveState()
        self._keys = keys_folder
        self._lock = threading.RLock()
        self._bus: BusSource | None = None
        self._folder: FolderSource | None = None
        self._endpoint = ""

    def listen(self, endpoint: str, key: str | None = None) -> None:
        """Observe the coordinator at endpoint. Raises UsageError for an endpoint that needs keys."""
        with self._lock:
            if endpoint == self._endpoint:
                return
            self._drop_bus()
            self._bus = BusSource(self.state, endpoint, self._keys, key)
            self._endpoint = endpoint

    def follow(self, folder: Path) -> None:
        """Show a run folder, and the run that fills it while it runs on this machine."""
        self._drop_folder()
        with self._lock:
            self._drop_bus()
            key = str(folder.resolve())

            def on_config(config: RunConfig) -> None:
                if is_loopback(config.bus.endpoint) or self._keys:
                    self.listen(config.bus.endpoint, key)

            self._folder = FolderSource(self.state, folder, on_config)

    def close(self) -> None:
        self._drop_folder()
        with self._lock:
            self._drop_bus()

    def _drop_bus(self) -> None:
        if self._bus is not None:
            self._bus.close()
        self._bus, self._endpoint = None, ""

    def _drop_folder(self) -> None:  # without the lock: the folder's thread may wait for it in on_config
        if self._folder is not None:
            self._folder.close()
        self._folder = None
