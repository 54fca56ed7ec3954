"""No transmitter uses a report before it could have it: the coordinator's grants and the transmitter's own path."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from hil.bus.messages import CsiReport, Grant, Start, Stop, UserCommand, UserCsi
from hil.bus.presence import Presence, Silence
from hil.bus.wire import Received
from hil.config import load_config
from hil.errors import HilError
from hil.nodes.coordinator import Coordinator
from hil.nodes.node import Apart
from hil.nodes.transmitter import TransmitterNode, longest_burst, picture_index
from hil.session.burst.plan import Burst
from models.images import Picture
from radio.device import Capabilities, RadioSettings
from radio.errors import NobodyLeads
from radio.samples import Samples
from radio.waveform.reception.receiver import BurstReceiver
from tests.radio.waveform.propagation import propagate

USERS, SLOT_SAMPLES, GUARD, K = 2, 40_000, 512, 64


def report(slot, snr_db=None):
    """Of the burst that began in this slot; its SNR tells the slot."""
    users = [UserCsi(user, 0.0, 0.0, 1.0, 0.0, 7.0) for user in range(USERS)]
    snr_db = float(slot) if snr_db is None else snr_db
    return CsiReport(slot, None, slot * SLOT_SAMPLES + GUARD, (slot + 1) * SLOT_SAMPLES, snr_db, users)


@pytest.mark.parametrize("arrival", [(1, 2, 3), (3, 2, 1), (2, 1, 3)])
def test_the_coordinator_learns_of_a_slot_in_its_turn_however_early_later_reports_are_here(arrival):
    config = load_config(None, {"feedback.slots_ahead": 2})
    coordinator = Coordinator(config, SimpleNamespace(malformed=0), range(4), needs_air=True)
    taken = []
    coordinator._grants._control = SimpleNamespace(take=lambda one: taken.append(one.slot))
    for slot in arrival:
        coordinator._grants._reports.append(report(slot))
    for slot in (1, 2, 3):
        coordinator._grants.learn(slot, set())
        assert coordinator._grants.csi.slot == slot and taken == list(range(1, slot + 1))
    coordinator._grants._reports.append(report(2))  # late: learnt from, but no news
    coordinator._grants.learn(4, set())
    assert coordinator._grants.csi.slot == 3 and taken[-1] == 2


@pytest.mark.parametrize("ahead", [0, 1, 2])
def test_a_grant_carries_the_report_of_so_many_slots_before_and_no_newer_one(monkeypatch, ahead):
    """Every report is here as soon as its slot is granted, which is earlier than any receiver could have it."""
    config = load_config(None, {"feedback.slots_ahead": ahead, "feedback.probe_slots": 1, "frames": 6})
    grants = []
    coordinator = Coordinator(config, SimpleNamespace(malformed=0, receive=lambda _: None), range(6), needs_air=True)
    coordinator._start = Start(SLOT_SAMPLES, GUARD)
    coordinator._grants._control = SimpleNamespace(take=lambda _: None, commands=lambda *_: [])
    monkeypatch.setattr(coordinator, "_beat", lambda: None)

    def tell(grant):
        if isinstance(grant, Grant):
            grants.append(grant)
            coordinator._grants._reports.append(report(grant.slot))
            coordinator._grants.reported_slot = max(coordinator._grants.reported_slot, grant.slot)

    monkeypatch.setattr(coordinator, "_tell_all", tell)
    monkeypatch.setattr(coordinator, "observers", SimpleNamespace(granted=lambda _: None))
    coordinator._probe(0)
    for frame in range(6):
        coordinator._frame(1 + frame, Burst(frame, frame))
    assert [grant.slot for grant in grants] == list(range(7))
    assert [grant.slot_tick for grant in grants] == [slot * SLOT_SAMPLES for slot in range(7)]
    assert grants[0].csi is None
    for grant in grants[1:]:
        assert grant.csi.slot == max(0, grant.slot - 1 - ahead)


BASE_GAIN_DB = -10.0


class Encoder:
    """Remembers what it was told, by the SNR's slot number."""

    def __init__(self):
        self.told, self.sides = [], []

    def channel_uses(self, height, width, _sharing=None):
        return K

    sharing = None

    def encode(self, picture, user, side, _sharing=None):
        self.told.append((picture[0, 0, 0], user, side.snr_db))
        self.sides.append(side)
        return np.exp(2j * np.pi * np.random.default_rng(user).random(K)).astype(np.complex64)


class Pictures(list):
    def sizes(self, indices):
        return [self[index].pixels.shape[:2] for index in indices]


class Radio:
    uri = "fake:"
    capabilities = Capabilities((1e5, 1e8), (1e6, 1e10), (-40.0, 0.0), (0.0, 60.0))

    def __init__(self):
        self.sent, self.gains, self.idle = [], [], []

    def now_tick(self):
        return 0

    def configure(self, settings):
        self.gains.append(settings.tx_gain_db)
        return settings

    def transmit(self, burst):
        self.sent.append(burst)

    def idle_until(self, tick):
        self.idle.append(tick)

    def events(self):
        return []


def transmitted(grants, user=1, **config):
    """What one transmitter does with these grants: its radio, encoder, and what it tells of each."""
    chosen = load_config(None, {"users": USERS, **config})
    told = []
    waiting = [Received("coordinator", body) for body in (Start(SLOT_SAMPLES, GUARD), *grants, Stop(True, ""))]
    bus = SimpleNamespace(
        send=lambda body, attachments=(): told.append((body, attachments)),
        receive=lambda _: waiting.pop(0),
        now_tick=0,
        coordinator=Presence("", 10.0, time.monotonic()),
    )
    pictures = Pictures(Picture(str(i), np.full((4, 4, 3), i, np.uint8), (4, 4)) for i in range(5))
    radio, encoder = Radio(), Encoder()
    settings = RadioSettings(chosen.sample_rate_hz, chosen.center_frequency_hz, tx_gain_db=BASE_GAIN_DB)
    assert TransmitterNode(chosen, user, bus, radio, encoder, pictures, settings).run().complete
    return chosen, radio, encoder, told


@pytest.mark.parametrize("delay", [0, 1, 3])
@pytest.mark.parametrize("user", [0, 1])
def test_an_encoder_knows_what_is_as_old_as_configured_and_the_age_is_told(delay, user):
    grants = [Grant(s, s, s * SLOT_SAMPLES, report(s - 1) if s else None) for s in range(8)]
    chosen, _, encoder, told = transmitted(grants, user, **{"feedback.csi_delay_slots": delay})
    assert [round(snr_db) for _, _, snr_db in encoder.told] == [
        slot - 1 - delay if slot > delay else 10
        for slot in range(8)  # 10 dB: what is assumed before the first
    ]
    for slot, (sent, attachments) in enumerate(told[1:]):
        used = slot - 1 - delay if slot > delay else None
        assert (sent.slot, sent.frame, sent.user, sent.csi_slot) == (slot, slot, user, used)
        age = None if used is None else ((slot - used) * SLOT_SAMPLES - GUARD) / chosen.sample_rate_hz
        assert sent.csi_age_s == (None if age is None else pytest.approx(age))
        picture = (slot * USERS + user) % 5
        assert sent.picture == picture_index(slot, user, USERS, 5) == picture and sent.image_id == str(picture)
        assert encoder.told[slot][:2] == (picture, user) and attachments[0].tobytes() == bytes([picture] * 48)


def test_without_feedback_no_report_reaches_the_encoder():
    grants = [Grant(s, s, s * SLOT_SAMPLES, report(s - 1)) for s in range(1, 4)]
    _, _, encoder, told = transmitted(grants, **{"feedback.csi": False})
    assert [snr_db for _, _, snr_db in encoder.told] == [10.0] * 3
    assert all(sent.csi_slot is None and sent.csi_age_s is None for sent, _ in told[1:])


def test_a_burst_leaves_when_and_as_its_command_says():
    """The correction turns the carrier back: over a path that adds it, the receiver finds no offset."""
    correction_hz, advance = 3000.0, 17
    commands = [
        UserCommand(0, 999.0, 99, -9.0, silent=True),
        UserCommand(1, correction_hz, advance, -4.0, frequency="locked", timing="holding", power="searching"),
    ]
    chosen, radio, _, told = transmitted([Grant(2, 6, 2 * SLOT_SAMPLES, None, commands=commands)])
    (burst,), (sent, _) = radio.sent, told[1]
    assert burst.start_tick == 2 * SLOT_SAMPLES + GUARD - advance and burst.sample_rate_hz == chosen.sample_rate_hz
    assert radio.gains == [-14.0] and radio.idle == [3 * SLOT_SAMPLES]
    assert (sent.precorrection_hz, sent.advance_ticks, sent.gain_db) == (correction_hz, advance, -4.0)
    assert sent.loops == {"frequency": "locked", "timing": "holding", "power": "searching"}
    assert np.abs(burst.data).max() <= 1
    seen = propagate(burst.data[0], burst.n_samples + 1500, cfo_hz=correction_hz, start=600)
    samples = Samples(seen[None].astype(np.complex64), 0, chosen.sample_rate_hz)
    found = BurstReceiver(chosen.waveform).receive(samples, 600).users[1]
    assert found.cfo_hz == pytest.approx(0, abs=20)
    assert (found.header.frame, found.header.user, found.header.n_symbols) == (6, 1, K)
    assert (found.header.picture, found.header.height, found.header.width) == (13 % 5, 4, 4)
    # Unit-power symbols of one of two users, at the configured amplitude.
    assert 10 * np.log10(found.power) == pytest.approx(20 * np.log10(chosen.radio.tx_amplitude) - 3.01, abs=0.1)


@pytest.mark.parametrize("wrong", [{"correction_hz": float("nan")}, {"gain_db": float("inf")}])
def test_a_command_that_is_no_number_is_as_good_as_none(wrong):
    _, radio, _, told = transmitted([Grant(0, 0, 0, None, commands=[UserCommand(1, **wrong)])])
    assert (told[1][0].precorrection_hz, told[1][0].gain_db) == (0.0, 0.0) and radio.gains == []
    assert np.isfinite(radio.sent[0].data).all()


def test_who_is_told_to_be_silent_sends_nothing_and_a_gain_is_never_raised():
    _, radio, _, told = transmitted([Grant(0, None, 0, None, commands=[UserCommand(1, silent=True)])])
    assert radio.sent == [] and radio.idle == [SLOT_SAMPLES] and told[1][0].frame is None
    _, radio, _, _ = transmitted([Grant(0, None, 0, None, commands=[UserCommand(1, gain_db=6.0)])])
    assert radio.gains == [-10.0] and len(radio.sent) == 1


def test_a_hello_names_the_longest_burst_of_the_users_own_pictures():
    uses = {4: 100, 8: 900, 12: 5000}
    encoder = SimpleNamespace(channel_uses=lambda height, width: uses[height])
    pictures = Pictures(Picture("", np.zeros((side, 4, 3), np.uint8), (side, 4)) for side in (4, 8, 4, 12))
    config = load_config(None, {"frames": 1, "users": 2})
    from radio.waveform.burst.grid import ResourceGrid

    grid = ResourceGrid(config.waveform)
    assert longest_burst(config, pictures, encoder, 0) == grid.burst_length(100)
    assert longest_burst(config, pictures, encoder, 1) == grid.burst_length(900)
    more = load_config(None, {"frames": 9, "users": 2})
    assert longest_burst(more, pictures, encoder, 1) == grid.burst_length(5000)


def test_a_burst_that_nobody_led_is_told_and_the_node_goes_on(monkeypatch):
    def refuse(self, burst):
        if burst.start_tick < SLOT_SAMPLES:
            raise NobodyLeads("off")
        self.sent.append(burst)

    monkeypatch.setattr(Radio, "transmit", refuse)
    _, radio, _, told = transmitted([Grant(slot, slot, slot * SLOT_SAMPLES, None) for slot in range(2)])
    assert [sent.events for sent, _ in told[1:]] == [{"unled": 1}, {}] and len(radio.sent) == 1
    assert radio.idle == [SLOT_SAMPLES, 2 * SLOT_SAMPLES]  # nobody waits for what does not come


@pytest.mark.parametrize(("gone", "error"), [(True, HilError), (False, Apart)])
def test_a_transmitter_whose_coordinator_died_ends_and_one_that_lost_it_may_join_again(gone, error):
    with pytest.raises(error, match="no word") as caught:
        transmitted([Silence("no word", gone)])
    assert isinstance(caught.value, Apart) is not gone


def test_where_the_devices_gain_is_unknown_the_power_loop_leaves_it_alone(monkeypatch):
    monkeypatch.setattr("tests.hil.session.test_csi_timing.BASE_GAIN_DB", None)
    lower = UserCommand(1, gain_db=-5.0)
    _, radio, _, told = transmitted([Grant(0, 0, 0, None, commands=[lower])])
    assert radio.gains == [] and told[0][0].lowest_gain_db == 0.0
