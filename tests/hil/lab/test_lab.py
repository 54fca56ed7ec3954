"""`semnoma-hil lab` against real sshds on 127.0.0.1: a run's whole way, a host that is missing, one that dies."""

import json
import threading
import time

import pytest
from click.testing import CliRunner

from hil.cli.main import cli
from hil.errors import HilError
from hil.lab.check import clock_offset_s
from hil.lab.collect import collect
from hil.lab.files import Content
from hil.lab.inventory import load_inventory
from hil.lab.operations import Lab
from hil.lab.remote import HostFailed, RemoteHost

NODES = {"desk": {"air", "coordinator", "rx"}, "pi": {"tx0", "tx1"}}


def lab(*words):
    return CliRunner().invoke(cli, ["lab", *map(str, words)])


def hosts(result):
    return json.loads(result.stdout)["hosts"]


@pytest.fixture
def opened(bench):
    lab = Lab(*load_inventory(bench.write()))
    yield lab
    lab.close()


def test_up_status_collect_down(bench, small_program, tmp_path):
    path = bench.write()
    up = lab("up", path, "--json")
    assert up.exit_code == 0, up.output
    assert {name: set(facts["nodes"]) for name, facts in hosts(up).items()} == NODES
    assert hosts(up)["pi"]["sent"] == hosts(up)["pi"]["files"] == 3 + 3  # program, coordinator.key, two secret keys
    assert [(bench.hosts[name].home / "code" / "hil" / "__main__.py.prepared").exists() for name in ("desk", "pi")] == [
        True, False,
    ]  # fmt: skip
    again = lab("up", path)
    assert again.exit_code == 0 and "pi: 0 of 6 files sent, tx0 runs already, tx1 runs already" in again.output
    status = lab("status", path, "--json")
    assert status.exit_code == 0
    assert all(node["state"] == "running" for facts in hosts(status).values() for node in facts["nodes"].values())
    keys = bench.hosts["pi"].home / "keys"
    assert {file.name for file in keys.iterdir()} == {"coordinator.key", "tx0.key_secret", "tx1.key_secret"}
    assert all(file.stat().st_mode & 0o077 == 0 for file in [keys.parent, *keys.iterdir()])
    (bench.hosts["desk"].home / "runs" / "run" / "results").mkdir()
    (bench.hosts["desk"].home / "runs" / "run" / "results" / "results.jsonl").write_text("{}\n")
    collected = lab("collect", path, "--out", tmp_path / "out", "--json")
    assert collected.exit_code == 0 and hosts(collected)["desk"] == {"files": 4, "fetched": 4}
    assert (tmp_path / "out" / "results.jsonl").read_text() == "{}\n"
    assert (
        "works with tx --config ../../config/run.yaml --keys ../../keys --user 1"
        in (tmp_path / "out" / "logs" / "tx1.log").read_text()
    )
    assert hosts(lab("collect", path, "--out", tmp_path / "out", "--json"))["desk"]["fetched"] == 0
    down = lab("down", path, "--json")
    assert down.exit_code == 0 and hosts(down)["pi"] == {"nodes": {"tx0": "stopped", "tx1": "stopped"}}
    assert hosts(lab("status", path, "--json")) == {"desk": {"nodes": {}}, "pi": {"nodes": {}}}


def test_files_that_changed_are_sent_and_others_removed(bench, small_program, opened):
    opened.provision()
    home = bench.hosts["pi"].home
    (home / "code" / "hil" / "__main__.py").write_text("changed by hand")
    (home / "code" / "hil" / "stale.py").write_text("")
    told = opened.provision()
    assert (told["pi"]["sent"], told["pi"]["removed"], told["desk"]["sent"]) == (1, 1, 0)
    assert not (home / "code" / "hil" / "stale.py").exists()
    assert Content((home / "code" / "hil" / "__main__.py").read_bytes()) == small_program["code/hil/__main__.py"]


def test_check_names_what_is_missing(bench, small_program):
    values = bench.values()
    values["nodes"]["tx1"]["device"] = "usrp"
    result = lab("check", bench.write(values), "--json")
    facts = hosts(result)["pi"]
    assert result.exit_code == 1 and facts["connect_ms"].keys() == {"coordinator", "air"}
    assert abs(facts["clock_offset_s"]) <= facts["clock_uncertainty_s"] + 1e-3  # it is this machine's clock
    assert facts["problems"] == [
        'onnxruntime missing; pip install -c constraints.txt "semnoma-hil[tx]" there',
        "tx1 cannot open usrp: the library uhd is not installed",
    ]


def test_a_clock_that_is_off_is_measured(bench, small_program, opened, monkeypatch):
    host = opened.hosts["pi"]
    real = time.time
    host.ask("facts")
    monkeypatch.setattr("hil.lab.check.time.time", lambda: real() - 7.5)
    offset_s, uncertainty_s = clock_offset_s(host)
    assert offset_s == pytest.approx(7.5, abs=uncertainty_s + 1e-3)


def test_a_missing_host_is_named_and_the_others_go_on(bench, small_program):
    bench.hosts["pi"].die()
    path = bench.write()
    up = lab("up", path)
    assert up.exit_code == 1 and "desk: " in up.stdout and "coordinator started" in up.stdout
    [error] = [line for line in up.stderr.splitlines() if line.startswith("error: ")]
    assert error.startswith("error: pi (") and "cannot be reached: " in error
    assert lab("down", path, "--json").exit_code == 1


def test_without_the_coordinators_host_nothing_is_started(bench, small_program):
    bench.hosts["desk"].die()
    path = bench.write()
    up = lab("up", path)
    assert isinstance(up.exception, HilError) and "desk has failed and the coordinator runs there" in str(up.exception)
    assert hosts(lab("status", path, "--json"))["pi"] == {"nodes": {}}


def test_a_host_that_dies_is_named_and_cleaned_up_when_it_is_back(bench, small_program):
    path = bench.write()
    assert lab("up", path).exit_code == 0
    bench.hosts["pi"].die()
    down = lab("down", path, "--json")
    assert down.exit_code == 1 and set(hosts(down)["desk"]["nodes"].values()) == {"stopped"}
    assert "cannot be reached" in hosts(down)["pi"]["error"] and down.stderr.count("error: ") == 1
    bench.hosts["pi"].live()
    assert hosts(lab("down", path, "--json"))["pi"] == {"nodes": {"tx0": "stopped", "tx1": "stopped"}}


def test_a_host_that_dies_in_the_middle_of_a_command(bench, small_program, opened):
    host = opened.hosts["pi"]
    host.ask("facts")
    threading.Timer(0.5, bench.hosts["pi"].die).start()
    with pytest.raises(
        HostFailed,
        match=r"^pi \(.*\) (could not run the program|did not run the program|cannot be reached|has hung up)",
    ):
        host.ask("execute", argv=["-c", "import time; time.sleep(30)"], limit_s=60)


def test_a_command_that_hangs_is_given_up(bench, opened):
    host = opened.hosts["pi"]
    host.ask("facts")
    with pytest.raises(HostFailed, match=r"pi .* did not run the program within 0.5 s"):
        host.ask("execute", argv=["-c", "import time; time.sleep(30)"], limit_s=60, timeout_s=0.5)


def test_a_command_that_hangs_is_given_up_however_long_the_timer_takes_to_end(bench, opened, monkeypatch):
    import fabric.runners

    closed = fabric.runners.Remote.kill
    monkeypatch.setattr(fabric.runners.Remote, "kill", lambda remote: (closed(remote), time.sleep(1)))
    test_a_command_that_hangs_is_given_up(bench, opened)


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        (lambda bench: "", "its host key is not known; compare its fingerprint"),
        (lambda bench: bench.hosts["desk"].known.replace(f":{bench.hosts['desk'].port}", f":{bench.hosts['pi'].port}"),
         "shows another host key than the known one"),
    ],
)  # fmt: skip
def test_host_keys_are_held_against_the_known_ones(bench, known, sentence):
    (bench.folder / "known_hosts").write_text(known(bench))
    inventory, _ = load_inventory(bench.write())
    with pytest.raises(HostFailed, match=sentence):
        RemoteHost("pi", inventory.hosts["pi"], inventory).ask("facts")
    assert not bench.hosts["pi"].home.exists()


def test_a_key_that_is_refused_is_a_sentence(bench):
    bench.key.with_suffix(".pub").write_text(bench.hosts["pi"].known.split(" ", 1)[1])
    inventory, _ = load_inventory(bench.write())
    with pytest.raises(HostFailed, match=r"pi .* refuses the key; ssh-copy-id brings it there"):
        RemoteHost("pi", inventory.hosts["pi"], inventory).ask("facts")


def test_a_host_cannot_choose_where_its_files_go(bench, small_program, opened, tmp_path, monkeypatch):
    answers = {"runs/run/logs/../../../../escaped": "0"}
    monkeypatch.setattr(RemoteHost, "ask", lambda self, action, **request: answers)
    told = collect(opened, "run", tmp_path / "out")
    assert "names a file" in told["pi"]["error"] and not (tmp_path / "escaped").exists()


def test_a_dry_run_connects_to_nobody(bench, monkeypatch):
    monkeypatch.setattr(RemoteHost, "__init__", None)
    path = bench.write()
    for action in ("check", "up", "status", "down", "collect"):
        done = lab(action, path, "--dry-run")
        assert done.exit_code == 0 and "desk: ssh " in done.output and not (bench.folder / "keys").exists()
    plan = json.loads(lab("up", path, "--dry-run", "--json").stdout)["dry_run"]
    starts = [line.split()[1] for line in plan["desk"] if line.startswith("  start ")]
    assert starts[0] == "coordinator" and set(starts) == NODES["desk"]
