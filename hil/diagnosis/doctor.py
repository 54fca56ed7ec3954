"""Installed and missing software for each part of the testbed, without importing large packages."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hil import __version__
from models.errors import ModelError
from models.package.manifest import load_manifest
from models.package.zoo import list_codecs
from radio.backends import describe_backends

# distribution -> what installs it
CORE = {name: "pip install semnoma-hil" for name in ("numpy", "scipy", "pyzmq", "msgspec", "pydantic", "click")}
TRANSMITTER = {"onnxruntime": 'pip install "semnoma-hil[tx]"', "pillow": 'pip install "semnoma-hil[tx]"'}
RECEIVER = {
    name: 'pip install "semnoma-hil[rx]"'
    for name in ("torch", "diffusers", "safetensors", "torchmetrics", "matplotlib", "jinja2")
}
OPTIONAL = {
    "numba": 'pip install "semnoma-hil[fast]"',
    "av": 'pip install "semnoma-hil[video]"',
    "starlette": 'pip install "semnoma-hil[live]"',
    "h5py": 'pip install "semnoma-hil[data]"',
    "onnx": 'pip install "semnoma-hil[train]"',
    "accelerate": 'pip install "semnoma-hil[train]"',
    "pyarrow": 'pip install "semnoma-hil[experiments]"',
    "ray": 'pip install "semnoma-hil[ray]"',
    "pyadi-iio": 'apt-get install libiio0 libiio-utils; pip install "semnoma-hil[pluto]"',
    "sigmf": "pip install sigmf (checks recordings; not needed to make them)",
    "cffi": 'pip install "semnoma-hil[usrp,soapy]"',
    "fabric": 'pip install "semnoma-hil[lab]"',
}


@dataclass(frozen=True)
class Finding:
    """One thing looked for. state: what was found; advice: how to install it when it is missing."""

    part: str
    name: str
    state: str
    ok: bool
    needed: bool
    advice: str = ""


def diagnose() -> list[Finding]:
    """Everything, most needed first."""
    return [*_machine(), *_packages(), *_codecs(), *_radios()]


def can_simulate(findings: list[Finding]) -> bool:
    """Whether `semnoma-hil loopback` can run here."""
    return all(finding.ok for finding in findings if finding.needed)


def as_json(findings: list[Finding]) -> dict[str, Any]:
    return {
        "version": __version__,
        "can_simulate": can_simulate(findings),
        "findings": [asdict(finding) for finding in findings],
    }


def _machine() -> list[Finding]:
    python = platform.python_version()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    gpu = _gpu()
    return [
        Finding("machine", "Python", python, sys.version_info >= (3, 11), True, "Python 3.11 or newer is needed"),
        Finding("machine", "system", f"{platform.system()} {platform.machine()}, {cores} cores", True, False),
        Finding("machine", "CUDA", gpu or "no GPU seen; the receiver decodes on the CPU", True, False),
    ]


def _gpu() -> str:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    done = subprocess.run([tool, "-L"], check=False, capture_output=True, text=True, timeout=10)
    return done.stdout.splitlines()[0] if done.returncode == 0 and done.stdout else ""


def _packages() -> list[Finding]:
    findings = []
    for part, packages, needed in (
        ("core", CORE, True),
        ("transmitter", TRANSMITTER, True),
        ("receiver", RECEIVER, True),
        ("optional", OPTIONAL, False),
    ):
        for name, advice in packages.items():
            try:
                findings.append(Finding(part, name, importlib.metadata.version(name), True, needed))
            except importlib.metadata.PackageNotFoundError:
                findings.append(Finding(part, name, "missing", False, needed, advice))
    return findings


def _codecs() -> list[Finding]:
    findings = []
    for folder in list_codecs():
        try:
            manifest = load_manifest(folder)
            state = f"{manifest.users} users, checksums match"
            findings.append(Finding("codec", manifest.name, state, True, True))
        except ModelError as error:
            findings.append(Finding("codec", Path(folder).name, str(error), False, True, "install the package again"))
    return findings or [Finding("codec", "none", "no packaged codec", False, True, "install the package again")]


def _radios() -> list[Finding]:
    return [
        Finding(
            "radio",
            backend.name,
            f"{backend.what}, e.g. {backend.example}" if backend.available else backend.reason,
            backend.available,
            backend.name == "sim",
            "" if backend.available else "see the reason",
        )
        for backend in describe_backends()
    ]
