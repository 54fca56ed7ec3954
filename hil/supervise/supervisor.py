"""Starts the processes of a loopback run, watches them, and ends all when one of them dies."""

import contextlib
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hil.errors import HilError, UsageError
from hil.nodes.node import PARENT_VARIABLE
from radio.isolated import isolated_command, isolated_environment

POLL_S = 0.05
NO_SPACE_BYTES = 1 << 14
BLAMED_S = 3.0  # how long a node that others blame may take to end
GRACE_S = 10.0  # time that nodes get to stop in order before they are killed


def free_endpoint() -> str:
    """A loopback TCP endpoint that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


@dataclass
class Child:
    """One node process and the file that takes its output."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    ended_s: float | None = None  # monotonic; None while it lives

    def watch(self) -> None:
        """Note when it ends, from a thread of its own: a poll every now and then would see several end at once."""

        def wait() -> None:
            self.process.wait()
            self.ended_s = time.monotonic()

        threading.Thread(target=wait, name=f"watch-{self.name}", daemon=True).start()

    def last_error(self) -> str:
        """The sentence that the node ended with, if it left one."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return errors[-1] if errors else ""


@dataclass
class Supervisor:
    """Node processes of one run. logs: folder for their output."""

    logs: Path
    children: list[Child] = field(default_factory=list)

    def start(self, name: str, arguments: list[str], reads_input: bool = False) -> None:
        """Start `semnoma-hil ARGUMENTS` as a process of its own, which has our standard input where it reads it."""
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        environment = isolated_environment() | {PARENT_VARIABLE: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
        # One thread a node: on a small machine the nodes' thread pools would fight for the same cores.
        environment.setdefault("OMP_NUM_THREADS", "1")
        with log.open("wb") as output:
            process = subprocess.Popen(
                isolated_command("hil", *arguments),
                stdin=None if reads_input else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the nodes in order
            )
        self.children.append(Child(name, process, log))
        self.children[-1].watch()

    def wait(self, on_poll: Callable[[], None]) -> None:
        """Return when every node has ended well. Raises as soon as one has not, after ending the rest.

        A node that was killed or failed on its own account is named, not those that stopped because of it.
        """
        try:
            while any(child.process.poll() is None for child in self.children):
                failed = [child for child in self.children if child.process.poll() not in (None, 0)]
                if failed:
                    time.sleep(4 * POLL_S)  # let the one that failed first be told from those that follow
                    self._raise(self._first())
                on_poll()
                time.sleep(POLL_S)
            on_poll()
            failed = [child for child in self.children if child.process.returncode != 0]
            if failed:
                self._raise(self._first())
        finally:
            self.stop()

    def _first(self) -> Child:
        """The one that failed first; where it only says that it cannot go on without another, that other one."""
        failed = [child for child in self.children if child.process.poll() not in (None, 0)]
        first = min(failed, key=lambda child: child.ended_s or math.inf)
        if first.process.returncode < 0:
            return first
        blamed = re.search(r"cannot go on without (\w+)", first.last_error())
        other = next((child for child in self.children if blamed and child.name == blamed[1]), first)
        with contextlib.suppress(subprocess.TimeoutExpired):  # it says goodbye before it ends
            if other.process.wait(BLAMED_S):
                return other
        return first

    def _raise(self, child: Child) -> None:
        code = child.process.returncode
        if code < 0:
            raise HilError(f"{child.name} was killed by {signal.Signals(-code).name}")
        sentence = child.last_error() or self._full_disk() or f"{child.name} ended with code {code}; see {child.log}"
        if code == 2:
            raise UsageError(sentence)
        raise HilError(f"{child.name}: {sentence.rstrip('.')}")

    def _full_disk(self) -> str:
        """A node on a full disk cannot even log why it ended."""
        full = shutil.disk_usage(self.logs).free < NO_SPACE_BYTES
        return f"the disk of {self.logs.absolute().parent} is full" if full else ""

    def stop(self) -> None:
        """End every node: SIGTERM, then SIGKILL after GRACE_S."""
        for child in self.children:
            if child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + GRACE_S
        for child in self.children:
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
