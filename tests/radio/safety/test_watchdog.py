"""The watchdog by a clock that the test turns: armed, once per silence, and again at the next."""

import time

import numpy as np
import pytest

from radio.device import RadioSettings
from radio.errors import TransmitRefused
from radio.safety import watchdog as module
from radio.safety.guard import GuardConfig, GuardedRadio, TransmitGuard
from radio.safety.watchdog import SilenceWatchdog
from radio.samples import Samples

BURST = Samples(np.full((1, 10), 0.5, np.complex64), 0, 1e6)


class Clock:
    """Stands in for the watchdog's `time`."""

    def __init__(self):
        self.now_s = 1000.0

    def monotonic(self):
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    monkeypatch.setattr(module, "_POLL_S", 0.002)
    return made


class Device:
    uri, capabilities = "fake:", None

    def __init__(self, failures=0):
        self.silenced, self.sent, self.failures = 0, 0, failures

    def configure(self, asked):
        return asked

    def transmit(self, burst):
        self.sent += 1

    def silence(self):
        self.silenced += 1
        if self.silenced <= self.failures:
            raise OSError("the device has gone")

    def close(self):
        pass


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


class Heard:
    """When the coordinator was last heard; counts how often the watchdog asks, so that no test races it."""

    def __init__(self, clock):
        self.at_s, self.asked = clock.now_s, 0

    def __call__(self):
        self.asked += 1
        return self.at_s

    def polled(self):
        """Returns when the watchdog has looked twice more."""
        before = self.asked
        wait_for(lambda: self.asked >= before + 3)  # one look may have been under way


def a_moment():
    """For a watchdog that must not look at all: too short a wait could only overlook it."""
    time.sleep(0.03)


def test_every_silence_switches_off_once(clock):
    device, heard = Device(), Heard(clock)
    dog = SilenceWatchdog(heard, 5.0, device.silence)
    dog.start()
    heard.polled()
    assert device.silenced == 0
    for silence in (1, 2, 3):
        clock.now_s += 4.9
        heard.polled()
        assert device.silenced == silence - 1 and not dog.too_long()
        clock.now_s += 0.2
        wait_for(lambda wanted=silence: device.silenced == wanted)
        heard.polled()
        assert device.silenced == silence and dog.too_long()
        heard.at_s = clock.now_s
        heard.polled()
    dog.stop()
    assert not dog.is_alive()
    clock.now_s += 100
    a_moment()
    assert device.silenced == 3


def test_a_device_that_does_not_obey_is_told_until_it_does(clock):
    device, heard = Device(failures=3), Heard(clock)
    dog = SilenceWatchdog(heard, 5.0, device.silence)
    dog.start()
    clock.now_s += 5.1
    wait_for(lambda: device.silenced == 4)
    heard.polled()
    assert device.silenced == 4
    dog.stop()


def guarded(role="tx"):
    device = Device()
    radio = GuardedRadio(device, TransmitGuard(GuardConfig(max_silence_s=3.0)), role)
    radio.configure(RadioSettings(1e6, 2.45e9))
    return device, radio


def test_a_guarded_radio_is_armed_and_armed_again(clock):
    (device, radio), heard = guarded(), Heard(clock)
    radio.watch(heard)
    radio.watch(lambda: float("inf"))  # a second word changes nothing
    for silence in (1, 2):
        radio.transmit(BURST)
        clock.now_s += 3.1
        with pytest.raises(TransmitRefused, match="silent for 3 s"):
            radio.transmit(BURST)
        wait_for(lambda wanted=silence: device.silenced == wanted)
        heard.at_s = clock.now_s
        heard.polled()
    radio.transmit(BURST)
    assert device.sent == 3
    radio.close()
    clock.now_s += 100
    a_moment()
    assert device.silenced == 2


def test_a_receiver_needs_no_watchdog(clock):
    device, radio = guarded("rx")
    radio.watch(lambda: clock.now_s - 100)
    a_moment()
    assert device.silenced == 0
    radio.close()
