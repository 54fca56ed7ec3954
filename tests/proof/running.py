"""One loopback run in a process of its own: its nodes, its lines, its end."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from tests.proof.last_will import die_with_parent


def small_pictures(folder: Path, count: int = 8) -> Path:
    """Pictures of 32x32 pixels of smoothed noise."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        coarse.resize((32, 32), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


def command(*arguments: object) -> list[str]:
    """`semnoma-hil ARGUMENTS` of this checkout."""
    return [sys.executable, "-m", "hil", *map(str, arguments)]


def _begin() -> None:
    """What a shell starts in the background ignores SIGINT, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    die_with_parent()


class Run:
    """`loopback` on `out`, resumed where there is something to resume."""

    def __init__(self, out: Path, pictures: Path, frames: int, *more: object) -> None:
        self.out = out
        arguments = ["loopback", "--images", pictures, "--frames", frames, "--out", out, "--resume", "--json", *more]
        self.process = subprocess.Popen(
            command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_begin,
        )

    def whole_lines(self) -> bytes:
        """Every byte of results.jsonl up to its last newline."""
        path = self.out / "results.jsonl"
        content = path.read_bytes() if path.exists() else b""
        return content[: content.rfind(b"\n") + 1]

    def nodes(self) -> dict[str, psutil.Process]:
        """Living node processes by name; "loopback" is their supervisor."""
        found = {}
        with contextlib.suppress(psutil.Error):
            supervisor = psutil.Process(self.process.pid)
            found["loopback"] = supervisor
            for child in supervisor.children():
                with contextlib.suppress(psutil.Error):  # one that has just ended hides none of the others
                    arguments = child.cmdline()
                    if "hil" in arguments:
                        name = arguments[arguments.index("hil") + 1]
                        found[f"tx{arguments[arguments.index('--user') + 1]}" if name == "tx" else name] = child
        return found

    def wait(self, seconds: float) -> tuple[int, str, str]:
        """Return code, output and errors of the supervisor."""
        output, errors = self.process.communicate(timeout=seconds)
        return self.process.returncode, output, errors

    def until_lines(self, count: int, seconds: float) -> bool:
        """Whether so many whole lines are there before the time is over or the run has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.whole_lines().count(b"\n") >= count:
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(0.02)
        return False


def rows_of(lines: bytes) -> list[dict]:
    """The results as dictionaries."""
    return [json.loads(line) for line in lines.splitlines()]
