"""Captures plain slots into a file until it is killed; prints a dot when one is there."""

import itertools
import sys
from pathlib import Path

from hil.dataset.writer import CaptureWriter
from tests.hil.dataset.sessions import plain_slot, run_config


def main():
    config = run_config()
    writer = CaptureWriter(Path(sys.argv[1]), config, ("iq", "csi", "truth"))
    for number in itertools.count():
        writer.record(plain_slot(config, number))
        if number == 0:
            print(".", flush=True)


if __name__ == "__main__":
    main()
