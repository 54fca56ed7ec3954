"""`semnoma-hil calibrate` as a user meets it: plan, refusals, show, clear."""

import json
import sys

import pytest

from calibration.delays.table import read_delays
from calibration.store.folder import CalibrationFolder
from calibration.store.record import Calibration, Device
from hil.calibrating.radios import radio_uris
from hil.cli import main as entry
from hil.errors import UsageError


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["semnoma-hil", *arguments])
    with pytest.raises(SystemExit) as exit_:
        entry.main()
    out = capsys.readouterr()
    return exit_.value.code, out.out, out.err


def test_the_plan_opens_nothing(monkeypatch, capsys):
    code, out, _ = run(monkeypatch, capsys, "calibrate", "--plan", "--device", "sim:tcp://127.0.0.1:1")
    assert code == 0 and "1. noise floor" in out and "4. the same figures" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--device", "sim", "--device", "sim"), "does not fit 2 users"),
        (("--wanted", "0"), "--wanted 0 is not 2 powers"),
        (("--wanted", "0,nan"), "--wanted 0,nan"),
        (("--frames", "1"), "--frames"),
        (("--users", "9"), "users is 9"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_two(monkeypatch, capsys, arguments, says):
    code, _, err = run(monkeypatch, capsys, "calibrate", *arguments)
    assert code == 2 and says in err and "Traceback" not in err


def test_an_unknown_radio_is_refused(monkeypatch, capsys, tmp_path):
    code, _, err = run(monkeypatch, capsys, "calibrate", "--device", "toaster:1", "--store", str(tmp_path))
    assert code in (1, 2) and "no kind of radio" in err and "Traceback" not in err


def test_show_and_clear(monkeypatch, capsys, tmp_path):
    store = ("--store", str(tmp_path))
    assert "no calibrations" in run(monkeypatch, capsys, "calibrate", "show", *store)[1]
    device = Device(serial="1044", role="tx", center_frequency_hz=2.45e9, sample_rate_hz=4e6)
    CalibrationFolder(tmp_path).save(Calibration.null(device))
    (tmp_path / "broken.yaml").write_text("a: [")
    code, out, err = run(monkeypatch, capsys, "calibrate", "show", *store)
    assert code == 0 and "tx 1044" in out and "nothing measured" in out and "broken.yaml" in err
    assert "0 calibrations removed" in run(monkeypatch, capsys, "calibrate", "clear", "--serial", "x", *store)[1]
    assert "1 calibrations removed" in run(monkeypatch, capsys, "calibrate", "clear", *store)[1]
    assert (tmp_path / "broken.yaml").exists()


def test_one_uri_serves_all_radios():
    assert radio_uris(2, ["sim"]) == ["sim"] * 3 and radio_uris(1, ["a", "b"]) == ["a", "b"]
    with pytest.raises(UsageError):
        radio_uris(2, ["a", "b"])


def test_the_delay_of_a_kind_of_radio_is_that_of_its_path(monkeypatch, capsys, tmp_path):
    link = "air.links=[{delay_samples: 7.4},{delay_samples: 2}]"
    words = ("--set", link, "delay", "--frames", "8", "--out", str(tmp_path), "--json")
    code, out, err = run(monkeypatch, capsys, "calibrate", *words)
    assert code == 0, err
    found = json.loads(out)
    assert found["delay_samples"] == pytest.approx(7.4, abs=0.05) and found["kind"] == "sim"
    [entry] = read_delays(tmp_path / "sim-4000000.yaml")
    assert entry.delay.value == found["delay_samples"] and "8 bursts" in entry.origin
