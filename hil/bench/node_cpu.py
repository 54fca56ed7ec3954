"""Processor time of a run's nodes, as Linux counts it; empty elsewhere."""

import os
from pathlib import Path


def node_cpu_s() -> dict[str, float]:
    """User and system time so far, in seconds, of every node process that this one has started: by name (rx, tx0)."""
    spent: dict[str, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            facts = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(facts[1]) != os.getpid():
                continue
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has ended meanwhile
            continue
        if "hil" in words[:-1]:
            name = words[words.index("hil") + 1]
            user = words[words.index("--user") + 1] if "--user" in words else ""
            spent[name + user] = (int(facts[11]) + int(facts[12])) / os.sysconf("SC_CLK_TCK")
    return spent
