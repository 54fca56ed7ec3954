"""The doctor tells the truth about this machine and about one that lacks things."""

import importlib.metadata
import json
import subprocess
import sys

from hil.diagnosis import doctor


def test_versions_are_those_installed_and_nothing_heavy_is_imported():
    script = (
        "import sys, json; from hil.diagnosis import doctor; d = doctor.as_json(doctor.diagnose());"
        "print(json.dumps([d, 'torch' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    report, torch_imported = json.loads(done.stdout)
    assert not torch_imported
    states = {finding["name"]: finding["state"] for finding in report["findings"]}
    assert states["numpy"] == importlib.metadata.version("numpy")
    assert "checksums match" in states["compact-2u"]
    assert report["can_simulate"] is True


def test_a_missing_package_is_named_with_the_line_that_installs_it(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name in ("onnxruntime", "cffi"):
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    findings = {finding.name: finding for finding in doctor.diagnose()}
    assert not findings["onnxruntime"].ok and "[tx]" in findings["onnxruntime"].advice
    assert "[usrp,soapy]" in findings["cffi"].advice
    assert not doctor.can_simulate(list(findings.values()))


def test_the_command_ends_with_code_0_and_prints_json_only():
    done = subprocess.run(
        [sys.executable, "-m", "hil", "doctor", "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["can_simulate"] is True
