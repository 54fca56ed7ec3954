"""A folder of the user's that is named like one of our packages does not stand before it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("hil", "radio", "models", "calibration")


def folders(where, kind, names=NAMES):
    for name in names:
        (where / name).mkdir()
        if kind == "package":
            (where / name / "__init__.py").write_text(f"raise SystemExit('the wrong {name}')\n")


def python(where, *arguments):
    path = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=where, env=path, capture_output=True, text=True, timeout=240)


@pytest.mark.parametrize("kind", ["package", "folder"])
def test_a_whole_job_runs_beside_such_folders(tmp_path, kind):
    folders(tmp_path, kind, NAMES[1:])
    patient = ["--set", "bus.join_timeout_s=200"]  # a busy machine
    done = python(
        tmp_path, "-m", "hil", "loopback", "--frames", "1", "--no-report", *patient, "--out", tmp_path / "run"
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "results.jsonl").read_text().count("\n") == 2


def test_processes_of_ours_start_beside_such_packages(tmp_path):
    folders(tmp_path, "package")
    script = """
import subprocess, sys
sys.path.pop(0)
from radio.isolated import isolated_command, isolated_environment
print(subprocess.run(isolated_command("hil", "--version"), env=isolated_environment(), text=True).returncode)
"""
    done = python(tmp_path, "-c", script)
    assert done.stdout.splitlines()[-1] == "0", done.stderr


@pytest.mark.parametrize("name", NAMES[1:])
def test_an_import_beside_such_a_package_names_it(tmp_path, name):
    folders(tmp_path, "package", [name])
    done = python(tmp_path, "-c", "import hil")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ") and str(tmp_path / name) in last and "rename it" in last


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_bare_folder_does_no_harm(tmp_path, name):
    folders(tmp_path, "folder", [name])
    assert python(tmp_path, "-c", "import hil.config").returncode == 0


def test_calibration_names_a_strange_radio(tmp_path):
    folders(tmp_path, "package", ["radio"])
    assert "rename it" in python(tmp_path, "-c", "import calibration").stderr.splitlines()[-1]
