"""A transmitter is off when its node stops, is killed, or loses its coordinator."""

import subprocess
import sys
import time

import numpy as np
import pytest

from radio.device import RadioSettings
from radio.devices.pluto_link import missing
from radio.errors import TransmitRefused
from radio.safety.guard import GuardConfig, GuardedRadio, TransmitGuard
from radio.samples import Samples
from tests.emulated_pluto import EmulatedAir, EmulatedPluto
from tests.emulated_pluto.attributes import PHY

SETTINGS = RadioSettings(1e6, 2.45e9, tx_gain_db=-10.0)
BURST = Samples(np.full((1, 1000), 0.5, np.complex64), 0, 1e6)
NODE = """
import sys, time
import numpy as np
from radio.device import RadioSettings
from radio.safety.open import open_radio
from radio.samples import Samples
radio = open_radio(sys.argv[1], role="tx")
radio.configure(RadioSettings(1e6, 2.45e9, tx_gain_db=-10.0))
radio.transmit(Samples(np.full((1, 1000), 0.5, np.complex64), 0, 1e6))
print("on", flush=True)
time.sleep(600)
"""


class FakeRadio:
    uri, capabilities = "fake:", None

    def __init__(self):
        self.on = False

    def configure(self, asked):
        return asked

    def transmit(self, burst):
        self.on = True

    def silence(self):
        self.on = False

    def close(self):
        self.on = False


def wait_for(condition, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_a_silent_coordinator_switches_the_transmitter_off_until_it_is_heard_again():
    device, heard_s = FakeRadio(), time.monotonic() + 3600
    radio = GuardedRadio(device, TransmitGuard(GuardConfig(max_silence_s=0.3)), "tx")
    radio.configure(SETTINGS)
    radio.watch(lambda: heard_s)
    radio.transmit(BURST)
    assert device.on
    heard_s = time.monotonic() - 0.31
    wait_for(lambda: not device.on)
    with pytest.raises(TransmitRefused, match=r"its coordinator has been silent for 0.3 s"):
        radio.transmit(BURST)
    heard_s = time.monotonic() + 3600
    radio.transmit(BURST)
    time.sleep(0.3)  # too short a wait could only overlook that it goes off
    assert device.on
    radio.close()
    assert not device.on


@pytest.mark.skipif(bool(missing()), reason=missing())
@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_a_killed_node_leaves_a_transmitter_that_is_off(how):
    air = EmulatedAir()
    pluto = EmulatedPluto(air)
    power = pluto.table.values[(PHY, "out:altvoltage1", "powerdown")]
    gain = pluto.table.values[(PHY, "out:voltage0", "hardwaregain")]
    node = subprocess.Popen([sys.executable, "-c", NODE, f"pluto:{pluto.address}"], stdout=subprocess.PIPE, text=True)
    try:
        assert node.stdout.readline() == "on\n"
        assert (power.value, gain.value.split()[0]) == ("0", "-10.000000")
        wait_for(lambda: air.emissions)
        getattr(node, how)()
        node.wait(60)
        wait_for(lambda: (power.value, gain.value.split()[0]) == ("1", "-89.750000"))
        assert not air.emissions
    finally:
        node.kill()
        node.stdout.close()
        pluto.stop()
