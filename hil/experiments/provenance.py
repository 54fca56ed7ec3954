"""With what a point was run: configuration, versions, weights, calibrations, machine. No host name, no path."""

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hil
from calibration.store.folder import CalibrationFolder, default_folder
from hil.calibrating.apply import DEFAULT, device_of
from hil.config import RunConfig
from hil.experiments.grid import Point
from models.package.digest import folder_digest
from models.package.manifest import load_manifest, load_refiner_manifest
from models.package.zoo import PIPELINE_INDEX, codec_folder, refiner_folder

PACKAGES = ("numpy", "scipy", "torch", "onnxruntime", "diffusers", "torchmetrics", "pillow", "pyzmq", "numba")
_DIGITAL = "digital-"


def provenance(point: Point) -> dict[str, Any]:
    """Texts and numbers, the same on every machine of a kind but for machine_*; call it where the point runs.

    Raises ModelError for weights that are not what their manifest says.
    """
    config = json.dumps(_without_folders(point.config.model_dump(mode="json")), sort_keys=True)
    return {
        "config_digest": hashlib.sha256(config.encode()).hexdigest(),
        "config": config,
        "version": hil.__version__,
        "packages": json.dumps(_packages()),
        "git_commit": git_commit(),
        "weights_sha256": json.dumps(_weights(point), sort_keys=True),
        "calibrations": json.dumps(_calibrations(point), sort_keys=True),
        **machine(),
    }


def machine() -> dict[str, Any]:
    """Processor, usable cores, operating system and Python of this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "machine_cpu": _processor(),
        "machine_cores": cores,
        "machine_os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "machine_python": platform.python_version(),
    }


def git_commit() -> str | None:
    """The commit of the checkout that this code is from, "+changes" where files differ; None for an installed wheel."""
    folder = Path(hil.__file__).parent.parent
    if not (folder / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=20)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (commit + ("+changes" if changes else "")) or None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _packages() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _weights(point: Point) -> dict[str, str]:
    """Model -> the sha256 of its files as its verified manifest has them, joined where it has several."""
    if isinstance(point.config, RunConfig):
        codecs = [point.config.codec]
    else:
        codecs = [name for name in point.config.schemes if not name.startswith(_DIGITAL)]
    sums = {}
    for name in codecs:
        manifest = load_manifest(codec_folder(name))
        sums[manifest.name] = " ".join(f"{entry.name}:{entry.sha256}" for entry in manifest.files.entries())
    if isinstance(point.config, RunConfig) and point.config.refine:
        folder = refiner_folder(point.config.refiner)
        if (folder / PIPELINE_INDEX).is_file():
            sums[folder.name] = folder_digest(folder)
        else:
            refiner = load_refiner_manifest(folder)
            sums[refiner.name] = f"{refiner.weights.name}:{refiner.weights.sha256}"
    return sums


def _calibrations(point: Point) -> dict[str, str]:
    """Node -> a digest of the calibration that it uses; nodes without one are left out."""
    config = point.config
    if not isinstance(config, RunConfig) or config.radio.calibration is None:
        return {}
    chosen = config.radio.calibration
    folder = CalibrationFolder(default_folder() if chosen == DEFAULT else Path(chosen))
    uris = config.radio.transmitters or (config.radio.device,) * config.users
    nodes = {"rx": device_of(config, config.radio.device, "rx", 0)}
    nodes |= {f"tx{user}": device_of(config, uri, "tx", user) for user, uri in enumerate(uris)}
    found = {name: folder.find(device)[0] for name, device in nodes.items()}
    return {
        name: hashlib.sha256(record.model_dump_json().encode()).hexdigest()[:16]
        for name, record in found.items()
        if not record.is_null
    }


def _without_folders(values: Any) -> Any:
    """Paths without their folders: tables name the data without the folders of one machine."""
    if isinstance(values, Mapping):
        return {name: _without_folders(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [_without_folders(value) for value in values]
    if isinstance(values, str) and "/" in values and "://" not in values and not values.count(":"):
        return values.rstrip("/").rsplit("/", 1)[-1]
    return values
