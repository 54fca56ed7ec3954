"""`semnoma-hil devices` and `semnoma-hil probe`."""

import json
import subprocess
import sys

import numpy as np
import pytest

from hil.diagnosis.probing import bars
from radio.devices.pluto_link import missing
from radio.discovery import FoundDevice, find_devices
from radio.recording import SigmfWriter
from radio.samples import Samples
from tests.emulated_pluto import EmulatedAir, EmulatedPluto


def run(*arguments):
    command = [sys.executable, "-m", "hil", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture
def tone(tmp_path):
    """A recording of a tone 250 kHz above its carrier, 6 dB under full scale."""
    t = np.arange(1 << 16)
    writer = SigmfWriter(tmp_path / "tone", 1e6, 868e6)
    writer.append(Samples((0.5 * np.exp(2j * np.pi * 0.25 * t)).astype(np.complex64)[np.newaxis], 0, 1e6))
    writer.close()
    return writer.meta_path


def test_probe_sees_the_tone_where_it_is(tone):
    done = run("probe", f"file:{tone}", "--json")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    strongest = int(np.argmax(seen["spectrum_db"]))
    assert seen["frequencies_hz"][strongest] == pytest.approx(868.25e6, abs=1e3)
    assert seen["spectrum_db"][strongest] == pytest.approx(-6.02, abs=0.1)
    assert seen["rms_dbfs"] == pytest.approx(-6.02, abs=0.05)


def test_probe_draws(tone):
    done = run("probe", f"file:{tone}")
    assert done.returncode == 0, done.stderr
    assert "█" in done.stdout and "868 MHz" in done.stdout and "-6.0 dBFS rms" in done.stdout


def test_bars_show_the_strongest_bin_of_each_column():
    spectrum = np.full(1000, -80.0)
    spectrum[503] = -10
    drawn = bars(spectrum, 50, 4)
    assert len(drawn) == 4 and all(len(line) == 50 for line in drawn)
    assert drawn[0].strip() == "█" and drawn[0].index("█") == 25


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_probe_of_a_pluto():
    pluto = EmulatedPluto(EmulatedAir())
    done = run("probe", f"pluto:{pluto.address}", "--rate", 1e6, "--gain", 30, "--json")
    pluto.stop()
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["capabilities"]["center_frequency_hz"] == [325e6, 3.8e9]
    assert seen["applied"]["rx_gain_db"] == 30


def test_errors_are_sentences():
    done = run("probe", "file:/nowhere/x")
    assert done.returncode == 2 and done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    done = run("probe", "hackrf:0")
    assert done.returncode == 2 and "names no kind of radio" in done.stderr
    done = run("probe", "usrpp")
    assert done.returncode == 2 and "did you mean usrp?" in done.stderr


def test_devices_lists_without_touching_the_network(tmp_path):
    done = run("devices", "--json")
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == {"devices", "missing"}
    stick = tmp_path / "1-2"
    stick.mkdir()
    for name, text in (("idVendor", "0456\n"), ("idProduct", "b673\n"), ("serial", "104473\n")):
        (stick / name).write_text(text)
    assert FoundDevice("pluto:usb:", "ADALM-PlutoSDR 104473") in find_devices(usb=tmp_path)
