"""Memory that a process has freed is not fetched from the kernel again: page faults, counted by the kernel."""

import subprocess
import sys

import pytest

from radio.memory import KEPT_BYTES, keep_freed_memory

SCRIPT = """
import resource, sys
import numpy as np
from radio.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def work():
    return sum(np.ones(1 << 17) for _ in range(3)), np.ones(1 << 19)  # 1 and 4 MiB
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not keep_freed_memory(), reason="not glibc")
def test_freed_memory_is_used_again():
    kept, given_back = faults("keep"), faults("not")
    assert kept < 200 and given_back > 10 * max(kept, 20)
    assert KEPT_BYTES <= 1 << 26  # what a process may hold beyond its needs
