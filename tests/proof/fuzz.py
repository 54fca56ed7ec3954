"""`make fuzz`: damaged bus messages, air messages, headers and configurations; prints figures as JSON.

    python -m tests.proof.fuzz --items 1000000 --seed 1

Raises as soon as a part answers with anything but its documented errors, warns of a number that overflows, takes longer
than LONGEST_S for one item, or when the process has grown by more than 1 % between the warm-up and the end.
"""

import argparse
import json
import logging
import random
import time
import warnings

import psutil

from tests.proof.fuzz_bus import BusTarget
from tests.proof.fuzz_targets import AirTarget, ConfigTarget, HeaderTarget

LONGEST_S = 2.0
MAX_GROWTH = 0.01
_SHARES = {"bus": 0.5, "air": 0.2, "header": 0.2, "configuration": 0.1}


class Defect(Exception):
    """What was found, and the seed and item that show it again."""


def run(items: int, seed: int = 1) -> dict[str, float]:
    """Feed so many items, a fifth of them as warm-up. Raises Defect."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("error", RuntimeWarning)  # numpy's: a value that overflows on the way is a defect as well
    process = psutil.Process()
    kinds = {"bus": BusTarget, "air": AirTarget, "header": HeaderTarget, "configuration": ConfigTarget}
    chooser = random.Random(seed)
    targets = {name: kinds[name](random.Random(f"{seed}-{name}")) for name in _SHARES}
    names, weights = list(_SHARES), list(_SHARES.values())
    counts = dict.fromkeys(names, 0)
    warm_bytes, longest_s, began_s = 0, 0.0, time.monotonic()
    try:
        for number in range(items):
            if number == items // 5:
                warm_bytes = process.memory_info().rss
            [name] = chooser.choices(names, weights)
            counts[name] += 1
            clock = time.perf_counter()
            try:
                targets[name]()
            except Exception as error:
                raise Defect(f"{name}, item {number} of seed {seed}: {type(error).__name__}: {error}") from error
            longest_s = max(longest_s, time.perf_counter() - clock)
            if longest_s > LONGEST_S:
                raise Defect(f"{name}, item {number} of seed {seed} took {longest_s:.1f} s")
    finally:
        targets["air"].close()
        logging.disable(logging.NOTSET)
    growth = process.memory_info().rss / warm_bytes - 1
    figures = {"items": items, "seed": seed, **counts, "seconds": round(time.monotonic() - began_s, 1)}
    figures |= {"longest_ms": round(1e3 * longest_s, 2), "rss_mib": round(warm_bytes / 2**20, 1)}
    figures["rss_growth_percent"] = round(100 * growth, 3)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    figures = run(arguments.items, arguments.seed)
    print(json.dumps(figures))
    if figures["rss_growth_percent"] > 100 * MAX_GROWTH:
        raise Defect(f"memory grew by {figures['rss_growth_percent']} %")


if __name__ == "__main__":
    main()
