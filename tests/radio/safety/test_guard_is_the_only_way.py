"""Nothing radiates by accident: receivers, silences in the middle of a transmission, any order of calls."""

import threading
import time

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from radio.device import RadioSettings
from radio.errors import DeviceError, TransmitRefused
from radio.safety.guard import GuardConfig, GuardedRadio, TransmitGuard
from radio.safety.watchdog import SilenceWatchdog
from radio.samples import Samples

CONFIG = GuardConfig(max_tx_gain_db=-10.0, max_peak=0.5)
ALLOWED = RadioSettings(4e6, 2.45e9, tx_gain_db=-20.0)
FORBIDDEN = RadioSettings(4e6, 1e9, tx_gain_db=-20.0), RadioSettings(4e6, 2.45e9, tx_gain_db=0.0)


def burst(peak):
    return Samples(np.full((1, 4), peak, np.complex64), 0, 4e6)


class Transmitter:
    """Is on from `transmit` to `silence` or `close`; `during` runs before it goes on."""

    uri = "fake:"
    capabilities = None

    def __init__(self, during=lambda: None):
        self.during, self.on, self.applied, self.sent = during, False, None, []

    def configure(self, asked):
        self.applied = asked
        return asked

    def transmit(self, samples):
        self.during()
        self.on = True
        self.sent.append((self.applied, samples))

    def silence(self):
        self.on = False

    def close(self):
        self.on = False


def test_a_radio_opened_for_receiving_never_transmits():
    radio = Transmitter()
    guarded = GuardedRadio(radio, TransmitGuard(CONFIG), "rx")
    guarded.configure(ALLOWED)
    with pytest.raises(DeviceError, match="opened for receiving"):
        guarded.transmit(burst(0.1))
    assert not radio.sent


def test_a_silence_that_fires_before_the_device_starts_still_turns_it_off():
    heard, silenced = [time.monotonic()], threading.Event()

    def coordinator_dies():
        heard[0] -= 10.0
        assert silenced.wait(60.0)

    class Watched(Transmitter):
        def silence(self):
            super().silence()
            silenced.set()

    radio = Watched(coordinator_dies)
    guarded = GuardedRadio(radio, TransmitGuard(CONFIG), "tx")
    guarded.configure(ALLOWED)
    guarded.watch(lambda: heard[0])
    try:
        with pytest.raises(TransmitRefused, match="silent"):
            guarded.transmit(burst(0.1))
        assert radio.sent and not radio.on
    finally:
        guarded.close()


def test_a_silence_that_fails_is_tried_again():
    calls, done = [], threading.Event()

    def silence():
        calls.append(1)
        if len(calls) < 3:
            raise OSError("busy")
        done.set()

    watchdog = SilenceWatchdog(lambda: -1e9, 1.0, silence)
    watchdog.start()
    try:
        assert done.wait(60.0)
    finally:
        watchdog.stop()


CALLS = st.one_of(
    st.tuples(st.just("configure"), st.sampled_from((ALLOWED, *FORBIDDEN))),
    st.tuples(st.just("transmit"), st.sampled_from((0.1, 0.5, 0.9, float("nan"), float("inf")))),
    st.tuples(st.just("silence"), st.none()),
    st.tuples(st.just("close"), st.none()),
)


@example("tx", [("close", None), ("configure", ALLOWED), ("transmit", 0.1)])
@given(st.sampled_from(("tx", "rx")), st.lists(CALLS, max_size=20))
def test_whatever_the_order_of_calls_only_what_is_allowed_leaves(role, calls):
    radio = Transmitter()
    guarded = GuardedRadio(radio, TransmitGuard(CONFIG), role)
    closed = False
    for name, value in calls:
        before = len(radio.sent)
        try:
            if name == "configure":
                guarded.configure(value)
            elif name == "transmit":
                guarded.transmit(burst(value))
            else:
                getattr(guarded, name)()
        except (TransmitRefused, DeviceError):
            assert len(radio.sent) == before
        assert not closed or len(radio.sent) == before
        closed = closed or name == "close"
    for applied, samples in radio.sent:
        assert role == "tx" and applied is ALLOWED
        assert np.abs(samples.data).max() <= 0.5
