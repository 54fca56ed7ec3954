"""`make soak`: minutes of paced real time; is every lost sample reported, does memory stay?

    python -m tests.proof.soak --minutes 10 --users 4 --memory memory.csv

The run's own nodes work on an air that follows the wall clock at 4 Msamples/s. Beside them a listener receives every
sample of that air without a gap, and holds each gap that there is against the overflow that was reported. Raises
Broken for a sample that is missing without a report, for a picture that is neither decoded nor explained, and for a
node that has grown by more than 1 % after the warm-up. The figures hold each node's resident memory at the end, its
growth and its slope after the warm-up; --memory keeps every second's.
"""

import argparse
import contextlib
import csv
import json
import signal
import statistics
import threading
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import psutil

from hil.supervise.supervisor import free_endpoint
from radio.device import Radio
from radio.errors import RadioError
from radio.safety.open import open_radio
from radio.samples import EventKind
from tests.proof.last_will import scratch
from tests.proof.running import Run, rows_of, small_pictures

RATE_HZ = 4e6
BLOCK_SAMPLES = 1 << 17
MAX_GROWTH = 0.01
WARM_UP_SHARE, WINDOW_SHARE = 0.25, 0.1


class Broken(Exception):
    """What was lost without a word, or what grew."""


class Listener(threading.Thread):
    """Receives one block after another. samples: received; lost: reported as lost; unreported: neither."""

    def __init__(self, radio: Radio) -> None:
        super().__init__(name="listener", daemon=True)
        self._radio = radio
        self._stopped = threading.Event()
        self.samples = self.lost = self.unreported = 0
        self.failure = ""

    def run(self) -> None:
        tick = self._radio.now_tick()
        try:
            while not self._stopped.is_set():
                block = self._radio.receive(tick, BLOCK_SAMPLES)
                reported = sum(e.count for e in self._radio.events() if e.kind == EventKind.OVERFLOW)
                self.samples += block.n_samples
                self.lost += reported
                self.unreported += abs(block.start_tick - tick - reported)
                tick = block.end_tick
        except RadioError as error:
            self.failure = str(error)

    def stop(self) -> None:
        self._stopped.set()
        self.join(15)


def soak(folder: Path, seconds: float, users: int = 2, memory: Path | None = None) -> dict[str, object]:
    """Run for so many seconds from the first picture on. Raises Broken."""
    air = free_endpoint()
    settings = ["--set", "air.pace=1.0", "--set", f"radio.device=sim:{air}", "--set", f"sample_rate_hz={RATE_HZ}"]
    settings += ["--set", f"users={users}", *(["--codec", "real-time"] if users > 2 else [])]
    run = Run(folder / "run", small_pictures(folder / "pictures"), 1_000_000, "--no-report", *settings)
    sizes: dict[str, list[int]] = defaultdict(list)
    try:
        if not run.until_lines(users, 180):
            raise Broken(f"no picture within three minutes: {run.process.poll()}")
        with contextlib.closing(open_radio(f"sim:{air}", role="rx", index=1)) as radio:
            listener = Listener(radio)
            listener.start()
            _watch(run, seconds, sizes)
            listener.stop()
    finally:
        if run.process.poll() is None:
            run.process.send_signal(signal.SIGINT)
        code, _, errors = run.wait(60)
    if code != 130 or listener.failure:
        raise Broken(f"the run ended with code {code}: {errors[-500:]} {listener.failure}")
    if memory is not None:
        _write(memory, sizes)
    return _figures(seconds, listener, rows_of(run.whole_lines()), sizes)


def _write(path: Path, sizes: dict[str, list[int]]) -> None:
    """Resident bytes of every node, a line a second."""
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["second", *sizes])
        table.writerows([second, *line] for second, line in enumerate(zip(*sizes.values(), strict=True)))


def _watch(run: Run, seconds: float, sizes: dict[str, list[int]]) -> None:
    """Every node's resident bytes, once a second."""
    nodes = run.nodes()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if run.process.poll() is not None:
            raise Broken("the run ended before its time")
        for name, process in nodes.items():
            try:
                sizes[name].append(process.memory_info().rss)
            except psutil.NoSuchProcess:
                raise Broken(f"{name} has gone") from None
        time.sleep(1.0)


def _figures(seconds: float, listener: Listener, rows: list[dict], sizes: dict[str, list[int]]) -> dict[str, object]:
    growth = {name: _growth(values) for name, values in sizes.items()}
    unexplained = [row for row in rows if not row["decoded"] and not row["events"] and not row["reason"]]
    events: dict[str, int] = defaultdict(int)
    for row in rows:
        for kind, count in row["events"].items():
            events[kind] += count
    if listener.unreported or unexplained:
        raise Broken(f"{listener.unreported} samples and {len(unexplained)} pictures are missing without a report")
    return {
        "seconds": seconds,
        "pictures": len(rows),
        "decoded": sum(row["decoded"] for row in rows),
        "events": dict(events),
        "listener_msps": round(listener.samples / seconds / 1e6, 3),
        "listener_lost_samples": listener.lost,
        "unreported_samples": listener.unreported,
        **{f"{name}_mib": round(values[-1] / 2**20) for name, values in sizes.items()},
        **{f"{name}_growth_percent": round(100 * grown, 3) for name, grown in growth.items()},
        **{f"{name}_slope_mib_per_hour": round(_slope(values), 2) for name, values in sizes.items()},
    }


def _slope(values: list[int]) -> float:
    """MiB an hour by least squares, after the warm-up; one value a second."""
    after = np.asarray(values[int(WARM_UP_SHARE * len(values)) :], float) / 2**20
    return 3600 * float(np.polyfit(np.arange(after.size), after, 1)[0]) if after.size > 1 else 0.0


def _growth(values: list[int]) -> float:
    """Of the median over the last tenth, against the median over the tenth after the warm-up."""
    window = max(1, int(WINDOW_SHARE * len(values)))
    first = int(WARM_UP_SHARE * len(values))
    return statistics.median(values[-window:]) / statistics.median(values[first : first + window]) - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--memory", type=Path, help="CSV of every node's resident bytes, a line a second.")
    arguments = parser.parse_args()
    with scratch() as folder:
        figures = soak(folder, 60 * arguments.minutes, arguments.users, arguments.memory)
    print(json.dumps(figures))
    names = ("loopback", "coordinator", "air", "rx", *(f"tx{user}" for user in range(arguments.users)))
    grown = [name for name in names if float(str(figures[f"{name}_growth_percent"])) > 100 * MAX_GROWTH]
    if grown:
        raise Broken(f"these have grown by more than {100 * MAX_GROWTH:g} %: {', '.join(grown)}")


if __name__ == "__main__":
    main()
