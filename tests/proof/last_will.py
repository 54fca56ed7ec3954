"""A folder, and the processes that work in it: gone when a proof is over, however it ends.

What is started inside `scratch` carries MARK in its environment. SIGTERM ends the proof as an exception does. Of one
that is killed outright a second process hears at the other end of a pipe; it ends whatever carries the mark, also what
is stopped, and removes the folder.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import psutil

MARK = "SEMNOMA_HIL_PROOF"
PATIENCE_S = 20.0
ROOT = Path(__file__).resolve().parents[2]
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # before any fork: afterwards nothing may be loaded


def die_with_parent() -> None:
    """For `preexec_fn`: SIGKILL as soon as the thread that has started this process is gone; stopped or not."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.contextmanager
def scratch(parent: str | None = None) -> Iterator[Path]:
    """A new folder (in `parent`) for a proof that runs in the main thread."""
    folder = Path(tempfile.mkdtemp(prefix="semnoma-proof-", dir=parent))
    executor = subprocess.Popen(
        [sys.executable, "-m", "tests.proof.last_will", str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C and a signal to the whole group are not meant for it
    )
    assert executor.stdin is not None
    kept = signal.signal(signal.SIGTERM, _end)
    os.environ[MARK] = str(folder)
    try:
        yield folder
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        del os.environ[MARK]
        executor.stdin.close()
        executor.wait()
        signal.signal(signal.SIGTERM, kept)


def _end(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def marked(folder: str) -> list[psutil.Process]:
    """Living processes that were started for the proof in this folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == folder and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def execute(folder: str) -> None:
    """End what carries the mark, also what such a process has just started; then nobody writes there any more."""
    end = time.monotonic() + PATIENCE_S
    while (left := marked(folder)) and time.monotonic() < end:
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.stdin.buffer.read()  # until the proof is over or dead
    execute(sys.argv[1])
