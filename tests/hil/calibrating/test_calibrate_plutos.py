"""`semnoma-hil calibrate` over three emulated Plutos, each on a crystal of its own, through the real libiio."""

import re
import subprocess
import sys

import pytest

from calibration.store.folder import CalibrationFolder, read
from radio.devices.pluto_link import missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

RX_PPM, TX_PPM, RATE_HZ, CARRIER_HZ = 5.0, (-12.0, 9.0), 6e5, 2.45e9


@pytest.fixture
def plutos():
    """Addresses: the receiver's, then the transmitters'."""
    ppm = [str(one) for one in (RX_PPM, *TX_PPM)]
    emulators = subprocess.Popen(
        [sys.executable, "-m", "tests.emulated_pluto", "--ppm", *ppm],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert emulators.stdout is not None and emulators.stdin is not None
    yield [emulators.stdout.readline().strip() for _ in range(3)]
    emulators.stdin.close()
    emulators.wait(60)


def after(printed, figure):
    """The last value of a row of the table."""
    row = next(line for line in printed.splitlines() if figure in line)
    return float(re.findall(r"(-?\d+\.\d+) ±", row)[-1])


@pytest.mark.proof
def test_radios_without_a_common_clock_are_brought_together(plutos, tmp_path):
    receiver, *transmitters = plutos
    command = [sys.executable, "-m", "hil", "calibrate", "--device", f"{receiver}?buffer=65536", "--frames", "8"]
    for uri in transmitters:
        command += ["--device", uri]
    for setting in (f"sample_rate_hz={RATE_HZ:g}", "radio.tx_gain_db=-10", "radio.rx_gain_db=45",
                    "radio.settle_s=0.9"):  # fmt: skip
        command += ["--set", setting]
    command += ["--store", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    for user in range(2):
        assert abs(after(done.stdout, f"user {user}: carrier offset")) < 0.002 * RATE_HZ / 256
        assert abs(after(done.stdout, f"user {user}: delay")) < 32 / 8
    powers = [after(done.stdout, f"user {user}: received power") for user in range(2)]
    assert abs(powers[0] - powers[1]) < 0.5
    kept = [read(path) for path in CalibrationFolder(tmp_path).files()]
    offsets = sorted(one.carrier_offset.value for one in kept if one.carrier_offset is not None)
    assert offsets == pytest.approx(sorted(ppm - RX_PPM for ppm in TX_PPM), abs=0.01)
    assert all(one.delay is None for one in kept)  # a phase does not outlast its stream
