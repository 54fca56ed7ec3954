"""How long protected bits become: from the coordinator's reports to a transmitter's burst and what a receiver reads."""

import numpy as np
import pytest

from hil.bus.messages import CsiReport, Grant, Sent, UserCsi
from hil.config import load_config
from hil.language.note import Note, unpack
from hil.session.bits_length import LEAST_REPORTS, BitsLength, longest_bits
from hil.session.slot import header_of
from radio.samples import Samples
from radio.waveform.burst.bits import symbols_for
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver
from tests.hil.session.test_csi_timing import GUARD, SLOT_SAMPLES, transmitted
from tests.radio.waveform.propagation import propagate

WAVEFORM = WaveformConfig(bits_bytes=64)


def after(waveform, *snrs_db):
    """The choice after reports of every user's SNRs."""
    length = BitsLength(waveform)
    for slot, of_users in enumerate(zip(*snrs_db, strict=True)):
        users = [UserCsi(user, 0.0, 0.0, 1.0, 0.0, snr_db) for user, snr_db in enumerate(of_users)]
        length.take(CsiReport(slot, None, 0, 0, 0.0, users))
    return length.choice()


def test_before_anything_is_known_bits_are_as_long_as_they_get():
    assert BitsLength(WAVEFORM).choice() == longest_bits(WAVEFORM)
    few = [20.0] * (LEAST_REPORTS - 1)
    assert after(WAVEFORM, few, few) == longest_bits(WAVEFORM)


@pytest.mark.parametrize(("users", "antennas"), [(2, 1), (2, 4), (4, 2)])
def test_a_channel_that_stays_gets_what_its_snr_needs(users, antennas):
    """At a total of 3 dB on each antenna every user has that in its block, and all antennas of it."""
    waveform = WaveformConfig(bits_bytes=64, users=users, rx_antennas=antennas)
    own = [3.0 - 10 * np.log10(users)] * 8
    expected = symbols_for(waveform, 3.0 + 10 * np.log10(antennas))
    assert after(waveform, *[own] * users) == expected


def test_the_weakest_user_decides():
    strong, weak = [10.0] * 8, [-2.0] * 8
    assert after(WAVEFORM, strong, weak) == after(WAVEFORM, weak, weak) > after(WAVEFORM, strong, strong)


def test_a_channel_that_fades_gets_what_its_fades_need():
    """Rayleigh: the choice falls short in two slots of a hundred, by the exponential distribution of its power."""
    rng = np.random.default_rng(1)
    chosen_db = []
    for _ in range(300):
        snrs_db = 30 + 10 * np.log10(rng.exponential(size=16))
        chosen_db.append(np.mean(snrs_db) - 3 * np.std(snrs_db, ddof=1) - 30)
    assert np.mean(1 - np.exp(-(10 ** (np.array(chosen_db) / 10)))) < 0.03
    assert after(WAVEFORM, snrs_db - 20, snrs_db - 20) > after(WAVEFORM, [10.0] * 16, [10.0] * 16)


def test_unknown_snrs_and_configurations_without_bits():
    assert after(WAVEFORM, [np.nan] * 9, [-np.inf] * 9) == longest_bits(WAVEFORM)
    assert after(WaveformConfig(), [3.0] * 9, [3.0] * 9) == 0


def test_captions_ask_for_bits_unless_their_number_is_given():
    assert load_config().waveform.bits_bytes == 0
    assert load_config(None, {"captions": "text:a cat"}).waveform.bits_bytes == 64
    assert load_config(None, {"captions": "text:a cat", "waveform.bits_bytes": 20}).waveform.bits_bytes == 20


def test_where_captions_are_is_each_nodes_own_affair_but_not_how_many_bytes():
    one, other = (load_config(None, {"captions": f"text:{words}"}) for words in ("a cat", "a dog"))
    assert one.digest() == other.digest() != load_config().digest()


@pytest.mark.parametrize(("granted", "sent_symbols"), [(0, 0), (14, 14), (168, 28)])
def test_a_transmitter_sends_what_is_granted_but_no_more_than_its_slot_holds(granted, sent_symbols):
    grant = Grant(2, 6, 2 * SLOT_SAMPLES, None, bits_symbols=granted)
    chosen, radio, _, told = transmitted([grant], **{"waveform.bits_bytes": 64})
    (burst,), (hello, _), (sent, _) = radio.sent, *told[:2]
    assert burst.n_samples <= hello.max_burst_samples
    assert sent.bits_symbols == header_of(sent).bits_symbols == sent_symbols
    assert unpack(sent.protected) == (Note("", sent.image_id) if granted else Note())
    heard = propagate(burst.data[0], burst.n_samples + 1500, start=600)
    samples = Samples(heard[None].astype(np.complex64), 2 * SLOT_SAMPLES + GUARD - 600, chosen.sample_rate_hz)
    found = BurstReceiver(chosen.waveform).receive(samples, 2 * SLOT_SAMPLES + GUARD).users[1]
    assert found.header == header_of(sent) and found.protected == (sent.protected if granted else None)


def test_probes_and_configurations_without_bits_carry_none():
    _, _, _, told = transmitted([Grant(0, None, 0, None, bits_symbols=14)], **{"waveform.bits_bytes": 64})
    assert isinstance(told[1][0], Sent) and told[1][0].bits_symbols == 0
    _, _, _, told = transmitted([Grant(0, 0, 0, None, bits_symbols=14)])
    assert told[1][0].bits_symbols == 0 and told[1][0].protected == b""
