"""`make chaos`: one experiment whose processes are killed at random moments until it has finished all the same.

    python -m tests.proof.chaos --kills 100 --seed 1

A round starts or resumes the experiment and sends SIGKILL to one to five of its processes (nodes and their
supervisor), before they have joined or while they work. Raises Broken when a line that could once be read is gone or
changed, when a frame of a user is recorded twice or never, when a picture is missing or was not decoded, or when a
round ends with more than one sentence.
"""

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
from PIL import Image

from tests.proof.running import NODES, Run, rows_of, small_pictures

FRAMES_PER_KILL = 16  # some are left for the last kill, also where 50 are recorded a second
STARTUP_S = 9.0  # kills before a node has joined come within so many seconds of the start
WORKING_SHARE = 8  # kills while nodes work come before one part in so many of the lines that were left is recorded
ROUND_LIMIT_S = 120.0


class Broken(Exception):
    """What the experiment promised and did not keep."""


class Chaos:
    """One experiment under `folder`; `kills` counts by process name what was killed so far."""

    def __init__(self, folder: Path, frames: int, seed: int) -> None:
        self.pictures, self.out = small_pictures(folder / "pictures"), folder / "run"
        self.frames, self.rng = frames, random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.rounds = 0
        self._seen = b""

    def round(self, kills: int) -> None:
        """Start or resume, kill so many processes, wait for the end."""
        self.rounds += 1
        run = self._start()
        # A machine may be slow or quick: kills are placed by what is recorded, so that none comes after the end.
        recorded = self._seen.count(b"\n")
        if self.rng.random() < 0.35:
            run.until_lines(recorded + 1, self.rng.uniform(0, STARTUP_S))
        else:
            left = 2 * self.frames - recorded
            run.until_lines(recorded + self.rng.randint(1, max(1, left // WORKING_SHARE)), ROUND_LIMIT_S)
        before = self.kills.total()
        for _ in range(kills):
            self._kill_one(run)
            self._watch(run, self.rng.choice((0.0, 0.0, 0.1, 0.5)))
        try:
            code, _, errors = run.wait(ROUND_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise Broken(f"round {self.rounds} went on for {ROUND_LIMIT_S:g} s after a kill") from None
        self._look(run)
        if code != 0 and self.kills.total() == before:
            raise Broken(f"round {self.rounds} ended by itself with code {code}: {errors[-2000:]}")
        sentences = [line for line in errors.splitlines() if line.startswith("error: ")]
        if code > 0 and (len(sentences) != 1 or "Traceback" in errors):
            raise Broken(f"round {self.rounds} ended with code {code} and said: {errors[-2000:]}")

    def _kill_one(self, run: Run) -> None:
        """One of those that live at this moment; nothing where all have ended."""
        while run.process.poll() is None:
            living = run.nodes()
            if len(living) > 1:  # all but the supervisor come a second after it
                name = self.rng.choice(sorted(living))
                with contextlib.suppress(psutil.NoSuchProcess):
                    living[name].kill()
                    self.kills[name] += 1
                return
            self._watch(run, 0.05)

    def finish(self) -> None:
        """Resume undisturbed to the end and check every promise."""
        run = self._start()
        code, _, errors = run.wait(3600)
        self._look(run)
        if code != 0:
            raise Broken(f"the last resumption ended with code {code}: {errors[-2000:]}")
        rows = rows_of(self._seen)
        counts = Counter((row["frame"], row["user"]) for row in rows)
        wrong = [
            (frame, user, counts[frame, user])
            for frame in range(self.frames)
            for user in range(2)
            if counts[frame, user] != 1
        ]
        if wrong or len(rows) != 2 * self.frames:
            raise Broken(f"{len(rows)} lines for {2 * self.frames} pictures; frame, user, lines: {wrong[:10]}")
        for row in rows:
            if not row["decoded"]:
                raise Broken(f"frame {row['frame']} of user {row['user']} was given up: {row['reason']}")
            for name in ("received_image", "original_image"):
                if row[name] is None or row["psnr_db"] is None:
                    raise Broken(f"frame {row['frame']} of user {row['user']} was recorded without {name} or score")
                with Image.open(self.out / row[name]) as picture:
                    picture.load()

    def _start(self) -> Run:
        patient = ["--set", "bus.node_timeout_s=30"]  # a machine that is busy elsewhere is no kill
        return Run(self.out, self.pictures, self.frames, "--no-report", *patient)

    def _watch(self, run: Run, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and run.process.poll() is None:
            self._look(run)
            time.sleep(0.02)

    def _look(self, run: Run) -> None:
        lines = run.whole_lines()
        if not lines.startswith(self._seen):
            raise Broken(f"round {self.rounds}: lines that had been recorded are gone or changed")
        self._seen = lines


def run_chaos(folder: Path, kills: int, seed: int = 1, frames: int | None = None) -> dict[str, object]:
    """Kill so many processes over one experiment, then finish and check it. Raises Broken."""
    chaos = Chaos(folder, frames or FRAMES_PER_KILL * kills, seed)
    began_s = time.monotonic()
    while (left := kills - chaos.kills.total()) > 0:
        chaos.round(min(left, chaos.rng.choice((1, 2, 3, 4, 5))))
        lines = chaos._seen.count(b"\n")
        print(f"round {chaos.rounds}: {chaos.kills.total()} kills, {lines} lines recorded", file=sys.stderr, flush=True)
    recorded = chaos._seen.count(b"\n")
    chaos.finish()
    return {
        "kills": chaos.kills.total(),
        **{f"killed_{name}": chaos.kills[name] for name in (*NODES, "loopback")},
        "rounds": chaos.rounds,
        "frames": chaos.frames,
        "lines_before_the_last_resumption": recorded,
        "lines": chaos._seen.count(b"\n"),
        "seconds": round(time.monotonic() - began_s),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run_chaos(Path(folder), arguments.kills, arguments.seed)))


if __name__ == "__main__":
    main()
