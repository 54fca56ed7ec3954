"""Short training: when it is granted, what it needs, and that every node keeps to it."""

import numpy as np
import pytest

from hil.bus.messages import CsiReport, Grant, Start, UserCsi
from hil.config import load_config
from hil.decoding.burst import burst_facts
from hil.errors import UsageError
from hil.session.burst.next import NextBurst
from hil.session.burst.plan import Burst
from hil.session.burst.receivers import Receivers
from hil.session.burst.training import TrainingLength, needed_snr_db, waveform_of
from hil.session.slot import Slot
from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.transmission.transmitter import BurstTransmitter
from tests.radio.waveform.propagation import noise, propagate

CONFIG = load_config(None, {"burst.short_training": True})
SHORT = CONFIG.waveform.shortened()


def report(slot, snrs_db):
    users = [UserCsi(user, 0.0, 0.0, 1.0, 0.0, snr_db) for user, snr_db in snrs_db.items()]
    return CsiReport(slot, None, 0, 0, 10.0, users)


def after(reports, lost=(), config=CONFIG):
    made = TrainingLength(config)
    for slot, snrs_db in enumerate(reports):
        made.take(report(slot, snrs_db), lost)
    return made.short()


def test_the_energy_that_the_short_preamble_lacks_is_asked_for_and_a_margin():
    """2 repeats instead of 8 are 6 dB less; 3 dB below all users together is a user's -3 dB of the long one."""
    assert (SHORT.preamble_repeats, SHORT.sounding_symbols, SHORT.header_symbols) == (2, 1, 2)
    assert needed_snr_db(CONFIG.waveform) == pytest.approx(-3 + 3 + 6.02, abs=0.01)
    few = WaveformConfig(preamble_repeats=2, sounding_symbols=1, header_symbols=2)
    assert few.shortened() == few and needed_snr_db(few) == 0


def test_granted_once_everybody_was_found_four_times_with_room_to_spare():
    good, poor = {0: 12.0, 1: 9.5}, {0: 12.0, 1: 5.0}
    assert not after([good] * 3) and after([good] * 4) and not after([poor] * 4)
    assert not after([good] * 4, config=load_config(None, {}))
    # The mean has room, but what the fading takes from it has not.
    assert not after([{0: 12.0, 1: 3.0 + 12.0 * (slot % 2)} for slot in range(8)])
    assert not after([{0: 12.0}] * 4) and after([{0: 12.0}] * 4, lost=[1])


def test_all_of_it_comes_back_with_the_first_user_who_is_not_found():
    good = {0: 12.0, 1: 12.0}
    assert not after([good] * 6 + [{0: 12.0}]) and not after([good] * 6 + [{0: 12.0}] + [good] * 3)
    assert after([good] * 6 + [{0: 12.0}] + [good] * 4)


def test_probes_and_transmitters_that_repeat_have_all_of_it():
    made = NextBurst(CONFIG)
    for slot in range(4):
        made.take(report(slot, {0: 12.0, 1: 12.0}), ())
    assert made.granted(Burst(3, 9, 5), repeats=False) == {"frame": 9, "pictures": 5, "bits_symbols": 0, "short": True}
    assert made.granted(None, repeats=False) == {"frame": None}
    assert not made.granted(Burst(3, 9, 5), repeats=True)["short"]


def heard(short, user_snr_db, seed, k=512):
    """A burst of both users through the receiver that the grant names; its frame, and what part of it is no payload."""
    grant, rng = Grant(1, 0, 0, None, short=short), np.random.default_rng(seed)
    waveform = waveform_of(CONFIG.waveform, grant)
    n = 600 + ResourceGrid(waveform).burst_length(k) + 700
    total = noise(rng, n, 0.5 * 10 ** (-user_snr_db / 10))
    for user in range(2):
        header = FrameHeader(0, user, "image", 32, 32, k, 0)
        burst = BurstTransmitter(waveform, user).modulate(noise(rng, k, 1.0)[0].astype(np.complex64), header)
        total[0] += propagate(burst, n, delay=0.3 + user, cfo_hz=rng.uniform(-300, 300), start=600)
    samples = Samples(total.astype(np.complex64), 0, CONFIG.sample_rate_hz)
    frame = Receivers(CONFIG.waveform).of(grant).receive(samples, 600)
    return frame, burst_facts(CONFIG.waveform, Slot(grant, Start(n, 600), frame))["overhead"]


def test_a_short_burst_is_found_and_read_at_the_snr_from_which_it_is_granted():
    for seed in range(10):
        frame, overhead = heard(True, needed_snr_db(CONFIG.waveform), seed)
        assert all(user.header_read and user.features.size == 512 for user in frame.users)
        for user in frame.users:
            assert abs(user.snr_db - needed_snr_db(CONFIG.waveform)) < 1.0
    # Two users: 64 + 2 x 256 samples of preamble, 3 symbols of 288 each; the payload of 512 uses has 3 symbols.
    assert overhead == pytest.approx(2 * (576 + 864) / (2 * (576 + 864) + 3 * 288))
    assert heard(False, 10.0, 1)[1] == pytest.approx(8832 / (8832 + 864))


def test_a_user_who_is_lost_does_not_keep_the_others_from_it():
    """Heard once, or badly, before it was lost: what it had is no matter any more."""
    for before in ({0: 20.0, 1: 20.0}, {0: 20.0, 1: -8.0}):
        made = TrainingLength(CONFIG)
        made.take(report(0, before))
        for slot in range(1, 8):
            made.take(report(slot, {0: 20.0}), lost_users=[1])
        assert made.short()


def test_a_capture_has_one_picture_a_row():
    with pytest.raises(UsageError, match=r"rx.capture needs burst.pictures 1, but it is 4"):
        load_config(None, {"burst.pictures": 4, "rx.capture": ["iq"]})
