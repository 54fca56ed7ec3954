"""What keeps a session's slots beside its results: a SigMF recording, a capture, both or nothing."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from hil.config import RunConfig
from hil.dataset.layout import FILE
from hil.dataset.writer import CaptureWriter
from hil.results.session_recording import SessionRecorder
from hil.session.slot import Slot


class Recorder(Protocol):
    """Takes slots with all that is known about them by then."""

    def record(self, slot: Slot) -> None: ...

    def close(self) -> None: ...


class Recorders:
    """Several as one."""

    def __init__(self, each: Sequence[Recorder]) -> None:
        self._each = each

    def record(self, slot: Slot) -> None:
        """Append one slot to each."""
        for one in self._each:
            one.record(slot)

    def close(self) -> None:
        """Complete all, also after one that fails."""
        with contextlib.ExitStack() as stack:
            for one in self._each:
                stack.callback(one.close)


def open_recorder(config: RunConfig, out: Path) -> Recorder | None:
    """As `rx.record` and `rx.capture` say. Raises what SessionRecorder and CaptureWriter do."""
    each: list[Recorder] = []
    if config.rx.capture:
        each.append(CaptureWriter(out / FILE, config, config.rx.capture))
    if config.rx.record:
        each.append(SessionRecorder(config.rx.record, config))
    return Recorders(each) if each else None
