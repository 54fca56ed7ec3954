"""What a process of a run imports before it begins: half of a short run's time is this."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("modules", "never"),
    [
        ("hil.supervise.loopback, hil.report.build", "torch scipy.signal numba matplotlib"),
        ("hil.nodes.coordinator, hil.nodes.air", "torch scipy.signal matplotlib"),
        ("hil.nodes.receiver_setup", "scipy.signal scipy.stats matplotlib diffusers torchmetrics sympy"),
    ],
)
def test_a_process_imports_nothing_heavy_that_it_does_not_need(modules, never):
    script = f"import sys, {modules}\nprint(sorted(set({never.split()}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=240)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
