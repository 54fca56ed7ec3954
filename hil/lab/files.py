"""What each host of a lab is sent: the program, the codec of the run, its configuration, and the keys of its nodes."""

import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

import calibration
import hil
import models
import radio
from hil.bus.key_ring import WHO
from hil.bus.keys import create_keys
from hil.config import RunConfig
from hil.lab.inventory import Inventory
from hil.yaml_text import yaml_values
from models.package.zoo import codec_folder, refiner_folder

FOLDERS = ["code", "keys", "config"]  # whose files are compared, and removed where they are no longer sent
CONFIG = "config/run.yaml"
_LEFT_OUT = ("__pycache__", "weights", "configs")


@dataclass(frozen=True)
class Content:
    """A file to be sent; on its host nobody but its owner reads it."""

    data: bytes

    @property
    def digest(self) -> str:
        """SHA-256, as the agent tells it."""
        return hashlib.sha256(self.data).hexdigest()


def shared_files(config: RunConfig) -> dict[str, Content]:
    """What every host gets, by its path there: the four packages, the run's codec and refiner, its configuration."""
    found: dict[str, Content] = {}
    for package in (hil, radio, models, calibration):
        top = Path(str(package.__file__)).parent
        for file in sorted(top.rglob("*")):
            inside = file.relative_to(top)
            if file.is_file() and not set(inside.parts) & set(_LEFT_OUT):
                found[f"code/{top.name}/{inside.as_posix()}"] = Content(file.read_bytes())
    networks = [codec_folder(config.codec)] + ([refiner_folder(config.refiner)] if config.refine else [])
    for folder in networks:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            found[f"code/models/weights/{folder.name}/{file.relative_to(folder).as_posix()}"] = Content(
                file.read_bytes()
            )
    names = {"codec": codec_folder(config.codec).name}
    if config.refine:
        names["refiner"] = refiner_folder(config.refiner).name
    values = config.model_copy(update=names).model_dump(mode="json")
    found[CONFIG] = Content(yaml.safe_dump(values, sort_keys=False).encode())
    return found


def make_keys(inventory: Inventory) -> list[Path]:
    """Key pairs that are missing, with the names that they may take; others stay as they are, revoked ones too.

    Returns what was made.
    """
    folder, nodes = inventory.keys, [*_with_keys(inventory), "observer"]
    lacking = [name for name in nodes if not (folder / f"{name}.key_secret").exists()]
    if not lacking:
        return []
    who = folder / WHO
    listed = yaml_values(who.read_text(encoding="utf-8")) if who.exists() else None
    made = create_keys(folder, lacking)
    if isinstance(listed, dict):
        who.write_text(yaml.safe_dump({name: [name] for name in lacking} | listed, sort_keys=False), encoding="utf-8")
    return made


def key_files(inventory: Inventory, host: str) -> dict[str, Content]:
    """The keys that the nodes of a host need and no others; the coordinator's host alone knows who may join."""
    files = {name: inventory.keys / name for name in key_names(inventory, host)}
    there = {name: file for name, file in files.items() if file.exists()}  # a key that was revoked is gone
    return {f"keys/{name}": Content(file.read_bytes()) for name, file in there.items()}


def key_names(inventory: Inventory, host: str) -> list[str]:
    """Their names in the folder of keys, which need not exist yet."""
    nodes = inventory.nodes_on(host)
    names = ["coordinator.key", *(f"{node}.key_secret" for node in nodes)]
    if "coordinator" in nodes:
        names += [WHO, *(f"authorized/{name}.key" for name in [*_with_keys(inventory), "observer"])]
    return names


def _with_keys(inventory: Inventory) -> list[str]:
    return [name for name in inventory.nodes if name != "coordinator"]


def differing(wanted: Mapping[str, Content], there: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """(files to send, files to remove) so that a host has what it should. there: the agent's digests."""
    return (
        [name for name, content in wanted.items() if there.get(name) != content.digest],
        sorted(set(there) - set(wanted)),
    )


def write_archive(path: Path, wanted: Mapping[str, Content], names: Iterable[str]) -> None:
    """A compressed tar of these files."""
    with tarfile.open(path, "w:gz", compresslevel=3) as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(wanted[name].data)
            tar.addfile(member, io.BytesIO(wanted[name].data))
