"""An inventory's mistakes are named with the likeliest right name; hosts get the keys of their nodes and no others."""

import copy
from pathlib import Path

import pytest
import yaml

from hil.errors import UsageError
from hil.lab.files import differing, key_files, make_keys, shared_files
from hil.lab.inventory import load_inventory
from hil.lab.nodes import arguments

GOOD = {
    "name": "bench",
    "bus": "tcp://192.0.2.10:5555",
    "hosts": {"desk": {"address": "192.0.2.10"}, "pi0": {"address": "pi0.lab"}},
    "nodes": {
        "coordinator": {"host": "desk"},
        "rx": {"host": "desk", "device": "usrp"},
        "tx0": {"host": "pi0", "device": "pluto:usb:"},
    },
}


def load(tmp_path, change=lambda values: None):
    values = copy.deepcopy(GOOD)
    change(values)
    file = tmp_path / "lab.yaml"
    file.write_text(yaml.safe_dump(values))
    return load_inventory(file)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda v: v["hosts"]["pi0"].update(adress="x"),
            r"hosts.pi0.adress is not an option \(did you mean address\?\)",
        ),
        (lambda v: v["hosts"]["pi0"].update(password="x"), "hosts.pi0.password: passwords do not belong in a file"),
        (lambda v: v["hosts"]["pi0"].update(python="/usr/bin/python3; reboot"), "hosts.pi0.python is"),
        (lambda v: v["hosts"]["pi0"].update(address="-oProxyCommand=x"), "hosts.pi0.address is"),
        (lambda v: v["nodes"].update(tx2={"host": "pi0"}), "nodes.tx1 is missing: transmitters are numbered"),
        (lambda v: v["nodes"].update(reciever={"host": "pi0"}), "nodes.reciever is no node"),
        (lambda v: v["nodes"]["tx0"].update(host="pi"), r"nodes.tx0.host is pi \(did you mean pi0\?\); hosts are desk"),
        (lambda v: v["nodes"].pop("rx"), "nodes.rx is missing"),
        (lambda v: v.pop("hosts"), "hosts is missing"),
        (lambda v: v["nodes"].update(tx1={"host": "pi0", "device": "pluto:usb:"}), "tx1 and nodes.tx0 both open pluto"),
        (lambda v: v.update(bus="tcp://127.0.0.1:5555"), "which the 2 hosts of this lab cannot reach"),
        (lambda v: v["nodes"]["rx"].update(images="x"), "only transmitters send pictures"),
        (lambda v: v["nodes"]["rx"].update(device=None), "receiver's radio is sim.*, so nodes.air is needed"),
        (lambda v: v["hosts"]["pi0"].update(identity="/none/key"), "hosts.pi0.identity is /none/key, and there is no"),
        (lambda v: v.update(known_hosts="none"), "known_hosts is .*none, and there is no such file"),
        (lambda v: v.update(config="loopbak"), r"did you mean loopback\?"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, change, sentence):
    with pytest.raises(UsageError, match=sentence):
        load(tmp_path, change)


def test_all_mistakes_are_named_at_once(tmp_path):
    def change(values):
        values["hosts"]["pi0"].update(prt=1)
        values["nodes"].update(reciever={"host": "pi0"}, tx2={"host": "pi0"})
        values["timeout_s"] = -1

    with pytest.raises(UsageError) as caught:
        load(tmp_path, change)
    head, *lines = str(caught.value).splitlines()
    assert head.endswith("lab.yaml: 4 faults:") or head.endswith("lab.yaml: 5 faults:")
    for words in ("prt is not an option (did you mean port?), but is 1", "timeout_s is -1", "nodes.reciever is no node",
                  "nodes.tx1 is missing"):  # fmt: skip
        assert sum(words in line for line in lines) == 1, words


def test_all_nodes_in_wrong_places_are_named_at_once_and_no_password_is_shown(tmp_path):
    def change(values):
        values["nodes"]["tx0"].update(host="pi")
        values["nodes"]["rx"].update(images="x")
        values["bus"] = "tcp://127.0.0.1:5555"
        values["hosts"]["pi0"].update(sudo_passwrd="hunter2")

    with pytest.raises(UsageError) as caught:
        load(tmp_path, change)
    said = str(caught.value)
    assert all(words in said for words in ("sudo_passwrd is not", "nodes.tx0.host is pi ", "only transmitters send"))
    assert "hunter2" not in said


def test_users_are_those_of_the_inventory_and_paths_start_beside_it(tmp_path):
    inventory, config = load(tmp_path)
    assert (config.users, config.radio.device, config.bus.endpoint) == (1, "usrp", "tcp://192.0.2.10:5555")
    assert inventory.keys == tmp_path / "keys"
    assert arguments(inventory, config, "tx0")[3:] == [
        "tx", "--config", "../../config/run.yaml", "--keys", "../../keys", "--user", "0", "--device", "pluto:usb:",
    ]  # fmt: skip


def test_the_packaged_example_loads_and_keeps_its_keys_out_of_the_package():
    inventory, config = load_inventory(Path("two-pis"))
    assert config.users == 2 and inventory.keys == Path("keys")


def test_a_host_gets_its_own_keys_and_revoked_ones_stay_revoked(tmp_path):
    inventory, _ = load(tmp_path)
    assert len(make_keys(inventory)) == 4
    assert set(key_files(inventory, "pi0")) == {"keys/coordinator.key", "keys/tx0.key_secret"}
    assert {"keys/coordinator.key_secret", "keys/rx.key_secret", "keys/who.yaml", "keys/authorized/tx0.key"} <= set(
        key_files(inventory, "desk")
    )
    (tmp_path / "keys" / "authorized" / "tx0.key").unlink()
    who = tmp_path / "keys" / "who.yaml"
    who.write_text("rx: [rx]\n")
    assert make_keys(inventory) == [] and "keys/authorized/tx0.key" not in key_files(inventory, "desk")
    inventory, _ = load(tmp_path, lambda v: v["nodes"].update(tx1={"host": "desk", "device": "pluto:usb:"}))
    make_keys(inventory)  # a node that is new is let in, the others stay as they were
    assert yaml.safe_load(who.read_text()) == {"tx1": ["tx1"], "rx": ["rx"]}
    assert not (tmp_path / "keys" / "authorized" / "tx0.key").exists()


def test_what_is_sent_is_the_program_with_the_codec_of_the_run(tmp_path):
    _, config = load(tmp_path)
    files = shared_files(config)
    assert {"code/hil/__main__.py", "code/hil/report/style.css", "code/radio/device.py", "config/run.yaml",
            "code/models/weights/real-time/encoder.onnx"} <= set(files)  # fmt: skip
    assert not [name for name in files if "__pycache__" in name or "student-2u" in name]
    there = {name: content.digest for name, content in files.items()} | {"code/hil/old.py": "0"}
    there["config/run.yaml"] = "1"
    assert differing(files, there) == (["config/run.yaml"], ["code/hil/old.py"])
