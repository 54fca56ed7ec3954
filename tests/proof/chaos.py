"""`make chaos`: one experiment whose processes are killed and frozen at random moments and that finishes all the same.

    python -m tests.proof.chaos --kills 200 --freezes 200 --users 4 --seed 1

A round starts or resumes the experiment, stops processes of it for one to 30 s (SIGSTOP) while they work, and
sends SIGKILL to one to five of them (nodes and their supervisor), before they have joined or while they work. Raises
Broken when a line that could once be read is gone or changed, when a frame of a user is recorded twice or never, when
a picture that was decoded is missing or one that was not has no reason, or when a round ends with more than one
sentence. How long it took until there was a further line after a freeze, until the round was over after a kill, and
until transmitters were off when the coordinator was gone or frozen, is in the figures; Broken past PATIENCE_S.
"""

import argparse
import contextlib
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
from PIL import Image

from tests.proof.last_will import scratch
from tests.proof.running import Run, rows_of, small_pictures

FRAMES_PER_FREEZE = 50  # while a transmitter is frozen, the others go on
FRAMES_PER_KILL = 16  # some are left for the last kill, also where 50 are recorded a second
STARTUP_S = 9.0  # kills before a node has joined come within so many seconds of the start
WORKING_SHARE = 8  # kills while nodes work come before one part in so many of the lines that were left is recorded
ROUND_LIMIT_S = 120.0
FREEZES_A_ROUND = 10
SHORTEST_FREEZE_S = 1.0
LONGEST_FREEZE_S = 30.0  # longer than bus.node_timeout_s, so that some of the frozen are lost
PATIENCE_S = 60.0
HANG_S, ON_S = 5.0, 1.0  # what is promised: no hang for longer, no transmitter on without a coordinator for longer
OFF = "the transmitter is off"


class Broken(Exception):
    """What the experiment promised and did not keep."""


class Chaos:
    """One experiment under `folder`; `kills` and `freezes` count by process name what was done to it so far.

    back_s: from the end of a freeze to the next line; over_s: from the last kill of a round to its end; off_s: from
    the coordinator's death or freeze until a transmitter was off or gone.
    """

    def __init__(
        self,
        folder: Path,
        frames: int,
        seed: int,
        users: int = 2,
        freezes: int = 0,
        longest_freeze_s: float = LONGEST_FREEZE_S,
    ) -> None:
        self.pictures, self.out = small_pictures(folder / "pictures"), folder / "run"
        self.frames, self.users, self.rng = frames, users, random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.freezes: Counter[str] = Counter()
        self.back_s: list[float] = []
        self.over_s: list[float] = []
        self.off_s: list[float] = []
        self.freezes_planned, self.longest_freeze_s = freezes, longest_freeze_s
        self.frozen_s: list[float] = []
        self.late: list[str] = []
        self.given_up: Counter[str] = Counter()
        self.rounds = 0
        self._seen = b""

    def round(self, kills: int, freezes: int = 0) -> None:
        """Start or resume, freeze and kill so many processes, wait for the end."""
        self.rounds += 1
        run = self._start()
        if freezes:
            while len(run.nodes()) < self.users + 4 and run.process.poll() is None:
                time.sleep(0.1)  # a receiver whose supervisor was killed may have written until now
            run.until_lines(run.whole_lines().count(b"\n") + 1, ROUND_LIMIT_S)
            for _ in range(freezes):
                self._freeze_one(run)
            self._look(run)
        # A machine may be slow or quick: kills are placed by what is recorded, so that none comes after the end.
        recorded = self._seen.count(b"\n")
        if self.rng.random() < 0.35:
            run.until_lines(recorded + 1, self.rng.uniform(0, STARTUP_S))
        else:
            left = self.users * self.frames - recorded
            run.until_lines(recorded + self.rng.randint(1, max(1, left // WORKING_SHARE)), ROUND_LIMIT_S)
        before = self.kills.total()
        for _ in range(kills):
            self._kill_one(run)
            self._watch(run, self.rng.choice((0.0, 0.0, 0.1, 0.5)))
        killed_s = time.monotonic()
        try:
            code, _, errors = run.wait(ROUND_LIMIT_S)
            if self.kills.total() > before:
                self.over_s.append(time.monotonic() - killed_s)
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
                off = self._logged_off() if name == "coordinator" and run.whole_lines() != self._seen else None
                with contextlib.suppress(psutil.NoSuchProcess):
                    living[name].kill()
                    self.kills[name] += 1
                    if off is not None:
                        self._await_off(living, off)
                return
            self._watch(run, 0.05)

    def _freeze_one(self, run: Run) -> None:
        """One of those that live, for a while; then there must be a further line, or the end."""
        living = run.nodes()
        if len(living) < 2:
            return
        name, seconds = self.rng.choice(sorted(living)), self.rng.uniform(SHORTEST_FREEZE_S, self.longest_freeze_s)
        off = self._logged_off()
        with contextlib.suppress(psutil.NoSuchProcess):
            living[name].send_signal(signal.SIGSTOP)
            self.freezes[name] += 1
            self.frozen_s.append(seconds)
            if name == "coordinator":
                self._await_off(living, off)
            time.sleep(seconds)
            living[name].send_signal(signal.SIGCONT)
        woken_s, lines = time.monotonic(), run.whole_lines().count(b"\n")
        while run.process.poll() is None and run.whole_lines().count(b"\n") == lines:
            if time.monotonic() - woken_s > PATIENCE_S:
                raise Broken(
                    f"round {self.rounds}: no line for {PATIENCE_S:g} s after {name} was frozen {seconds:.1f} s"
                )
            time.sleep(0.02)
        self.back_s.append(time.monotonic() - woken_s)
        if self.back_s[-1] > HANG_S:
            self.late.append(f"{name} frozen {seconds:.1f} s, a line {self.back_s[-1]:.1f} s after it woke")
        self._watch(run, self.rng.uniform(0.0, 1.0))

    def spans(self) -> dict[str, list[float]]:
        """What was timed, in seconds."""
        return {"back_s": self.back_s, "over_s": self.over_s, "off_s": self.off_s}

    def _logged_off(self) -> dict[str, int]:
        """How often each transmitter has said that it is off."""
        logs = {f"tx{user}": self.out / "logs" / f"tx{user}.log" for user in range(self.users)}
        return {name: log.read_text().count(OFF) for name, log in logs.items() if log.exists()}

    def _await_off(self, living: dict[str, psutil.Process], before: dict[str, int]) -> None:
        """Until every transmitter that lives has said that it is off, or is gone."""
        began_s, waiting = time.monotonic(), {name for name in before if name in living}
        while waiting and time.monotonic() - began_s < PATIENCE_S:
            now = self._logged_off()
            off = {name for name in waiting if now[name] > before[name] or not _alive(living[name])}
            self.off_s += [time.monotonic() - began_s] * len(off)
            waiting -= off
            time.sleep(0.02)
        if waiting:
            raise Broken(f"round {self.rounds}: {sorted(waiting)} on for {PATIENCE_S:g} s without a coordinator")

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
            for user in range(self.users)
            if counts[frame, user] != 1
        ]
        if wrong or len(rows) != self.users * self.frames:
            raise Broken(f"{len(rows)} lines for {self.users * self.frames} pictures; frame, user, lines: {wrong[:10]}")
        for row in rows:
            if not row["decoded"]:
                if not (self.freezes and row["reason"]):  # a kill alone costs no picture
                    raise Broken(f"frame {row['frame']} of user {row['user']} was given up: {row['reason']}")
                self.given_up[row["reason"]] += 1
                continue
            for name in ("received_image", "original_image"):
                if row[name] is None or row["psnr_db"] is None:
                    raise Broken(f"frame {row['frame']} of user {row['user']} was recorded without {name} or score")
                with Image.open(self.out / row[name]) as picture:
                    picture.load()

    def _start(self) -> Run:
        settings = ["--set", f"users={self.users}"]
        if self.users > 2:
            settings += ["--codec", "real-time"]
        if not self.freezes_planned:
            settings += ["--set", "bus.node_timeout_s=30"]  # a machine that is busy elsewhere is no kill
        return Run(self.out, self.pictures, self.frames, "--no-report", *settings)

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


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def run_chaos(
    folder: Path,
    kills: int,
    freezes: int = 0,
    users: int = 2,
    seed: int = 1,
    frames: int | None = None,
    longest_freeze_s: float = LONGEST_FREEZE_S,
) -> dict[str, object]:
    """Kill and freeze so many processes over one experiment, then finish and check it. Raises Broken."""
    chaos = Chaos(
        folder, frames or FRAMES_PER_KILL * kills + FRAMES_PER_FREEZE * freezes, seed, users, freezes, longest_freeze_s
    )
    began_s = time.monotonic()
    while (left := kills - chaos.kills.total()) > 0 or chaos.freezes.total() < freezes:
        before = chaos.kills.total() + chaos.freezes.total()
        frozen = min(FREEZES_A_ROUND, freezes - chaos.freezes.total())
        chaos.round(min(max(left, 1), chaos.rng.choice((1, 2, 3, 4, 5))), frozen)
        if chaos.kills.total() + chaos.freezes.total() == before:
            raise Broken(f"{chaos.frames} frames are too few: nothing was left to disturb in round {chaos.rounds}")
        lines = chaos._seen.count(b"\n")
        done = f"{chaos.kills.total()} kills, {chaos.freezes.total()} freezes, {lines} lines recorded"
        slowest = {name: max(values, default=0.0) for name, values in chaos.spans().items()}
        done += "".join(f", {name} at most {seconds:.1f}" for name, seconds in slowest.items())
        print(f"round {chaos.rounds}, {time.monotonic() - began_s:.0f} s: {done}", file=sys.stderr, flush=True)
    recorded = chaos._seen.count(b"\n")
    chaos.finish()
    return {
        "kills": dict(chaos.kills),
        "freezes": dict(chaos.freezes),
        "longest_freeze_s": round(max(chaos.frozen_s, default=0.0), 1),
        "rounds": chaos.rounds,
        "frames": chaos.frames,
        "users": users,
        "lines_before_the_last_resumption": recorded,
        "lines": chaos._seen.count(b"\n"),
        "given_up": dict(chaos.given_up),
        "late": chaos.late,
        "back_s": _spread(chaos.back_s, HANG_S),
        "over_s": _spread(chaos.over_s, HANG_S),
        "off_s": _spread(chaos.off_s, ON_S),
        "seconds": round(time.monotonic() - began_s),
    }


def _spread(seconds: list[float], limit_s: float) -> dict[str, float]:
    if not seconds:
        return {"count": 0}
    ordered = sorted(seconds)
    late = sum(one > limit_s for one in ordered)
    middle, longest = (round(ordered[at], 2) for at in (len(ordered) // 2, -1))
    return {"count": len(ordered), "median": middle, "longest": longest, f"over_{limit_s:g}_s": late}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--freezes", type=int, default=200)
    parser.add_argument("--longest-freeze-s", type=float, default=LONGEST_FREEZE_S)
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with scratch() as folder:
        print(json.dumps(run_chaos(folder, **vars(arguments))))


if __name__ == "__main__":
    main()
