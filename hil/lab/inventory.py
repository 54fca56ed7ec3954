"""The inventory of a lab: which hosts there are, which node runs where on which radio. A YAML file.

name: bench
config: loopback                 # the run: a file beside this one, or a name in configs/
bus: tcp://192.0.2.10:5555       # where the coordinator listens, as the other hosts reach it
hosts:
  desk: {address: 192.0.2.10, user: lab}
  pi0: {address: pi0.lab}
nodes:
  coordinator: {host: desk}
  rx: {host: desk, device: usrp}
  tx0: {host: pi0, device: "pluto:usb:", images: ~/photos}
"""

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, field_validator, model_validator

from hil.bus.wire import is_loopback
from hil.config import RunConfig, Section, load_config
from hil.errors import FaultyInput, UsageError
from hil.packaged import named_file
from hil.yaml_text import yaml_values
from models.faults import Faults, read
from models.suggestion import did_you_mean
from radio.quantity import Seconds

_ONE_OF_A_KIND = ("sim", "zmq", "file")  # several nodes may open one of these
_SECRETS = ("password", "passphrase", "passwd", "sudo_password")
_REMOTE_PATH = r"^(~/)?[\w./-]+$"  # needs no quotes in any shell


class Host(Section):
    """A machine that is reached over ssh, with the user's own keys and ssh configuration."""

    address: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$", description="Address, or a Host of ~/.ssh/config.")
    user: str | None = Field(None, pattern=r"^[A-Za-z_][\w.-]*$", description="As whom; null: as ssh does.")
    port: int | None = Field(None, ge=1, le=65535, description="Port of its sshd; null: as ssh does.")
    identity: Path | None = Field(None, description="File of the private key; null: as ssh does, with its agent.")
    python: str = Field(
        "~/semnoma-hil/.venv/bin/python", pattern=_REMOTE_PATH, description="Python there that has the dependencies."
    )
    folder: str = Field("~/semnoma-lab", pattern=_REMOTE_PATH, description="Folder there for all that is sent.")


class Node(Section):
    """A node of the run: where it runs, and its radio."""

    host: str = Field(description="One of hosts.")
    device: str | None = Field(None, description="Radio URI as that host opens it; null: the configuration's.")
    images: str | None = Field(None, description="A transmitter's pictures, as its host finds them.")


class Inventory(Section):
    """A lab. Passwords have no place in it: hosts are reached with keys."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$", description="Of the lab.")
    config: str = Field("loopback", min_length=1, description="The run's configuration: a file, or a name in configs/.")
    bus: str = Field("tcp://127.0.0.1:5555", pattern=r"^tcp://[^/\s]+:\d{1,5}$", description="The coordinator's place.")
    hosts: dict[str, Host] = Field(min_length=1, description="Hosts by a name of yours.")
    nodes: dict[str, Node] = Field(description="coordinator, rx, tx0 to tx7, and air where radios are simulated.")
    keys: Path = Field(Path("keys"), description="Folder of `semnoma-hil keys`; made when it is missing.")
    known_hosts: Path | None = Field(None, description="Host keys besides ~/.ssh/known_hosts.")
    timeout_s: Seconds = Field(20.0, gt=0, le=600, description="A host that does not answer for so long has failed.")
    max_clock_offset_s: Seconds = Field(0.1, gt=0, le=3600, description="Largest difference to this machine's clock.")

    @model_validator(mode="before")
    @classmethod
    def _no_secrets(cls, values: Any) -> Any:
        for place, section in _sections(values):
            for name in section:
                if str(name).lower() in _SECRETS:
                    raise ValueError(f"{place}{name}: passwords do not belong in a file; use a key and ssh's agent")
        return values

    @field_validator("nodes")
    @classmethod
    def _names(cls, nodes: dict[str, Node]) -> dict[str, Node]:
        known = ["coordinator", "rx", "air", *(f"tx{user}" for user in range(8))]
        faults = []
        for name in nodes:
            if name not in known:
                guess = did_you_mean(name, known)
                faults.append(f"nodes.{name} is no node{guess}; coordinator, rx, air and tx0 to tx7 are")
        faults += [f"nodes.{name} is missing" for name in ("coordinator", "rx", "tx0") if name not in nodes]
        users = sum(name.startswith("tx") for name in nodes)
        for user in range(1, users):
            if f"tx{user}" not in nodes:
                faults.append(f"nodes.tx{user} is missing: transmitters are numbered without gaps")
        if faults:
            raise ValueError("\n".join(faults))
        return nodes

    @model_validator(mode="after")
    def _places_exist(self) -> "Inventory":
        taken: dict[tuple[str, str], str] = {}
        faults = []
        for name, node in self.nodes.items():
            if node.host not in self.hosts:
                guess = did_you_mean(node.host, self.hosts)
                faults.append(f"nodes.{name}.host is {node.host}{guess}; hosts are {', '.join(self.hosts)}")
            if node.device and node.device.partition(":")[0] not in _ONE_OF_A_KIND:
                other = taken.setdefault((node.host, node.device), name)
                if other != name:
                    faults.append(f"nodes.{name} and nodes.{other} both open {node.device} on {node.host}")
            if node.images is not None and not name.startswith("tx"):
                faults.append(f"nodes.{name}.images: only transmitters send pictures")
        used = {node.host for node in self.nodes.values()}
        if len(used) > 1 and is_loopback(self.bus):
            faults.append(f"bus is {self.bus}, which the {len(used)} hosts of this lab cannot reach")
        if faults:
            raise ValueError("\n".join(faults))
        return self

    @property
    def users(self) -> int:
        """How many transmit."""
        return sum(name.startswith("tx") for name in self.nodes)

    def nodes_on(self, host: str) -> list[str]:
        """Names of the nodes of a host, transmitters first: the order in which they are ended."""
        names = [name for name, node in self.nodes.items() if node.host == host]
        return sorted(names, key=lambda name: (not name.startswith("tx"), name))


def _sections(values: Any) -> list[tuple[str, dict[Any, Any]]]:
    """Mappings of the file with the text that leads to each."""
    if not isinstance(values, dict):
        return []
    found = [("", values)]
    for kind in ("hosts", "nodes"):
        group = values.get(kind)
        for name, one in group.items() if isinstance(group, dict) else ():
            if isinstance(one, dict):
                found.append((f"{kind}.{name}.", one))
    return found


def load_inventory(path: Path) -> tuple[Inventory, RunConfig]:
    """An inventory's file, or the name of one in configs/labs, and the configuration of its run.

    Relative paths in it start at its folder, in a named one here. Raises UsageError with all faults, each on a line.
    """
    beside = path.parent if path.exists() else Path()
    path = named_file(path, "labs")
    try:
        values = yaml_values(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())[:300]}.") from None
    if not isinstance(values, dict):
        raise UsageError(f"{path} holds no inventory; a mapping with name, hosts and nodes is needed.")
    try:
        inventory = read(Inventory, values)
    except Faults as faults:
        raise FaultyInput(str(path), faults) from None
    update: dict[str, Any] = {"keys": beside / inventory.keys.expanduser()}
    if inventory.known_hosts:
        update["known_hosts"] = beside / inventory.known_hosts.expanduser()
    inventory = inventory.model_copy(update=update)
    named = {"known_hosts": inventory.known_hosts}
    named |= {f"hosts.{name}.identity": host.identity for name, host in inventory.hosts.items()}
    for name, file in named.items():
        if file is not None and not file.expanduser().is_file():
            raise UsageError(f"{path}: {name} is {file}, and there is no such file.")
    given = beside / inventory.config
    receiver = inventory.nodes["rx"]
    settings = {"bus.endpoint": inventory.bus, "users": inventory.users, "radio.device": receiver.device}
    config = load_config(given if given.exists() else Path(inventory.config), settings)
    if config.radio.device.startswith("sim") and "air" not in inventory.nodes:
        raise UsageError(f"{path}: the receiver's radio is {config.radio.device}, so nodes.air is needed.")
    return inventory, config


def sim_endpoint(device: str) -> str:
    """tcp://HOST:PORT of a simulated radio's URI, the default's for a bare sim."""
    address = re.sub(r"^sim:?", "", device)
    return address or RunConfig().radio.device.removeprefix("sim:")
