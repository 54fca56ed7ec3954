"""The canceller on bursts of an encoder whose symbols depend on the picture, the user and what it was told."""

import dataclasses
import hashlib

import numpy as np
import pytest

from hil.bus.messages import CsiReport, Grant, Sent, Start, UserCsi
from hil.config import load_config
from hil.decoding.cancellation import Canceller, View, by_power
from hil.session.slot import Slot
from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.reception.frame import ReceivedFrame, ReceivedUser
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter
from tests.radio.waveform.propagation import noise, propagate

K, START, SNR_DB = 1500, 600, 20.0
CONFIG = load_config(None, {"snr_db": SNR_DB})


class Encoder:
    """Any change of picture, user or side information gives other symbols altogether."""

    sharing = None

    def plan_of(self, *_received):
        return None

    def encode(self, picture, user, side, _sharing=None, _plan=None):
        told = repr((picture.tobytes(), user, round(side.snr_db, 3), side.gains.round(4).tolist()))
        seed = int.from_bytes(hashlib.sha256(told.encode()).digest()[:8])
        parts = np.random.default_rng(seed).standard_normal((K, 2)) / np.sqrt(2)
        return (parts @ [1, 1j]).astype(np.complex64)


def report(slot, gains, snr_db):
    users = [UserCsi(user, 0.0, 0.0, gain, 0.0, 17.0) for user, gain in enumerate(gains)]
    return CsiReport(slot, None, slot * 1000, slot * 1000, snr_db, users)


LAST, THIS = report(3, (1.1, 0.889), 11.0), report(4, (1.2, 0.748), 20.0)
GRANTED = report(3, (1.05, 0.947), 11.5)  # before what the feedback's configuration makes of it
PICTURES = [np.full((4, 4, 3), 50 + user, np.uint8) for user in range(2)]


@pytest.fixture(scope="module")
def scene():
    """A slot that both users filled with what they knew: the report of the slot before."""
    from hil.session.feedback import side_information

    rng, grid = np.random.default_rng(1), ResourceGrid(CONFIG.waveform)
    symbols = [Encoder().encode(PICTURES[user], user, side_information(LAST, 2)) for user in range(2)]
    length = START + grid.burst_length(K) + 900
    total = noise(rng, length, 10 ** (-SNR_DB / 10))
    for user, gain in enumerate((1.2, 0.748)):
        header = FrameHeader(0, user, "image", 4, 4, K, 0)
        burst = BurstTransmitter(CONFIG.waveform, user).modulate(symbols[user], header)
        total[0] += gain * propagate(burst, length, delay=0.4 + user, phase=1.0 + user, start=START)
    samples = Samples(total.astype(np.complex64), 1000, CONFIG.sample_rate_hz)
    received = BurstReceiver(CONFIG.waveform).receive(samples, 1000 + START)
    slot = Slot(Grant(4, 0, 1000, GRANTED), Start(length, START), received, THIS, samples, encoder_csi=LAST)
    return slot, View(samples, received, THIS), symbols


def payload_power_db(samples):
    start = START + ResourceGrid(CONFIG.waveform).payload_start + 20
    return 10 * np.log10(np.mean(np.abs(samples.data[:, start : start + 1500]) ** 2))


def error_db(view, user, symbols):
    return 10 * np.log10(np.mean(np.abs(view.received.users[user].features - symbols) ** 2))


@pytest.mark.parametrize("user", [0, 1])
def test_what_goes_is_what_the_transmitter_sent_with_the_last_slots_csi(scene, user):
    slot, view, symbols = scene
    other = 1 - user
    left = Canceller(CONFIG, Encoder()).without(view, slot, user, PICTURES[user])
    # The other one is as if it had been alone: an error of noise over its power, 17 dB down or so.
    power = ((1.2, 0.748)[other] ** 2) / 2
    alone_db = 10 * np.log10(1 / (1 + power * 10 ** (SNR_DB / 10)))
    assert error_db(left, other, symbols[other]) < alone_db + 1.5
    assert error_db(view, other, symbols[other]) > alone_db + 6
    assert left.cancelled == {user} and view.cancelled == frozenset()
    assert [one.user for one in left.csi.users] == [other] and left.csi.users[0].gain == pytest.approx(1)
    both = Canceller(CONFIG, Encoder()).without(left, slot, other, PICTURES[other])
    assert both.cancelled == {0, 1}
    assert payload_power_db(both.samples) < -SNR_DB + 1.0


@pytest.mark.parametrize("wrong", ["csi", "grant", "none", "picture", "user"])
def test_a_guess_that_is_wrong_in_anything_adds_power(scene, wrong):
    """So that the test above can tell."""
    slot, view, _ = scene
    told = {"csi": THIS, "grant": GRANTED, "none": None}.get(wrong, LAST)
    other = Slot(slot.grant, slot.start, slot.received, THIS, slot.samples, encoder_csi=told)
    encoder = Encoder()
    if wrong == "user":
        encoder.encode = lambda picture, user, side, _sharing, _plan: Encoder().encode(picture, 1 - user, side)
    picture = PICTURES[1] if wrong == "picture" else PICTURES[0]
    left = Canceller(CONFIG, encoder).without(view, other, 0, picture)
    assert payload_power_db(left.samples) > payload_power_db(view.samples) + 1.0


def test_the_strongest_comes_first_and_who_was_not_found_last():
    users = tuple(ReceivedUser(user, power > 0, power=power) for user, power in enumerate((0.2, 0.0, 0.9)))
    assert by_power(ReceivedFrame(0, users, 0.1, 10.0), 4) == [2, 0, 1, 3]
    assert by_power(None, 3) == [0, 1, 2]


def test_a_user_whose_payload_was_not_received_cannot_be_taken_out(scene):
    slot, view, _ = scene
    users = (dataclasses.replace(view.received.users[0], alignment=None), view.received.users[1])
    blind = dataclasses.replace(view, received=dataclasses.replace(view.received, users=users))
    assert Canceller(CONFIG, Encoder()).without(blind, slot, 0, PICTURES[0]) is blind


@pytest.mark.parametrize(("named", "taken_out"), [(3, True), (2, False), (None, False)])
def test_a_transmitter_that_names_another_report_is_left_in(scene, named, taken_out):
    """It has started again and forgotten the reports before: what it was told is not known here."""
    slot, view, _ = scene
    slot = dataclasses.replace(slot, sent={0: Sent(4, 0, 0, csi_slot=named)})
    left = Canceller(CONFIG, Encoder()).without(view, slot, 0, PICTURES[0])
    assert (left.cancelled == {0}) is taken_out and (left is view) is not taken_out
