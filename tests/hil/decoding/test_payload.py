"""What a decoder is told of a damaged payload, and which payloads are no picture."""

from types import SimpleNamespace

import numpy as np
import pytest

from hil.decoding.payload import payload_events, payload_facts, payload_side, too_damaged
from models.sharing import Sharing
from models.side_information import SideInformation
from radio.waveform.quality.payload_quality import PayloadQuality
from radio.waveform.reception.frame import ReceivedFrame, ReceivedUser

SYMBOLS, ACTIVE, NOISE = 20, 8, 0.01


def quality(power=0.5, hit=0, erased=0, disturbed=NOISE, form="superposed", **facts):
    """A user of this power; `hit` symbols are disturbed by as much power as it has, `erased` by far more."""
    levels = np.full(SYMBOLS, disturbed)
    levels[:hit], levels[:erased] = power, 1e9
    alone, met = 2 * power / levels, power / (levels + power)  # parted, and beside a user of the same power
    kinds = {"parted": [alone], "superposed": [met], "0.5": [alone, met]}[form]
    return PayloadQuality(
        power=np.full(ACTIVE, power), disturbed=levels, trained_sinr=power / NOISE,
        separated=np.stack([np.outer(one, np.ones(ACTIVE)) for one in kinds]).astype(np.float32),
        shares=np.full(len(kinds), 1 / len(kinds)),
        lengths=np.ones(SYMBOLS, int), hit=np.arange(SYMBOLS) < max(hit, erased), erased=np.arange(SYMBOLS) < erased,
        **facts,
    )  # fmt: skip


def received(*qualities, read=True):
    users = tuple(ReceivedUser(u, True, header_read=read, quality=one) for u, one in enumerate(qualities))
    return ReceivedFrame(0, users, NOISE, 20.0)


SIDE = SideInformation(20.0, np.ones(2, np.float32), np.zeros(2, np.float32))
PLAIN = SimpleNamespace(sharing=None)


def test_an_undisturbed_payload_is_told_as_the_training_saw_it():
    frame = received(quality(), quality())
    told = payload_side(SIDE, frame, frame.users[0], PLAIN)
    assert told.snr_db == pytest.approx(20.0) and told.sinr_db is None
    assert payload_events(quality()) == {}


def test_the_snr_falls_by_as_much_as_the_payload_is_worse():
    noisier = received(quality(disturbed=10 * NOISE), quality())
    assert payload_side(SIDE, noisier, noisier.users[0], PLAIN).snr_db == pytest.approx(10.0)
    assert payload_side(SIDE, noisier, noisier.users[1], PLAIN).snr_db == pytest.approx(20.0)
    # A fifth of the symbols lost: the mean LMMSE error of unit-power symbols is 1/5 + 4/5 / 51.
    cut = received(quality(erased=4), quality())
    expected = 20 - 10 * np.log10(50) + 10 * np.log10(1 / (1 / 5 + 4 / 5 / 51) - 1)
    assert payload_side(SIDE, cut, cut.users[0], PLAIN).snr_db == pytest.approx(expected, abs=0.01)


HALF = 1 / (1 / 101 / 2 + 0.51 / 1.01 / 2) - 1  # mean LMMSE error of SINRs of 100 and 0.5 / 0.51


@pytest.mark.parametrize(
    "form, sinr_db",
    [("parted", 20.0), ("superposed", 10 * np.log10(0.5 / 0.51)), ("0.5", 10 * np.log10(HALF))],
)
def test_codecs_that_take_it_are_told_the_sinr_of_their_own_symbols(form, sinr_db):
    frame = received(quality(form=form), quality(hit=10, form=form))
    told = payload_side(SIDE, frame, frame.users[0], SimpleNamespace(sharing=Sharing.named(form)))
    assert told.sinr_db[0] == pytest.approx(sinr_db, abs=0.01)
    assert told.sinr_spread_db[0] == pytest.approx(10 if form == "0.5" else 0, abs=0.1)
    assert told.sinr_db[1] < sinr_db - 0.5 and told.sinr_spread_db[1] > 1
    # Where one user was not received, nobody's SINR is known to the codec's satisfaction.
    alone = received(quality())
    assert payload_side(SIDE, alone, alone.users[0], SimpleNamespace(sharing=Sharing.named(form))).sinr_db is None


def test_what_is_too_damaged_is_said_with_the_reason():
    def reason(*given, **read):
        return too_damaged(received(*given, **read).users[0])

    assert reason(quality()) is None and reason(quality(hit=20)) is None and reason(quality(erased=10)) is None
    assert reason(quality(erased=11)) == "55 % of its payload is lost, more than 50 %"
    assert reason(quality(disturbed=50.0)) is None
    noise = reason(quality(disturbed=50.0), read=False)
    assert noise == "its header is lost and its payload is noise: its SINR is -20.0 dB"
    assert "pilots are not heard" in reason(quality(heard=False), read=False)
    assert reason(quality(), read=False) is None  # a header that another way has told, and a payload that is there


def test_a_row_tells_quality_and_damage():
    given = quality(hit=3, erased=1, gain_steps=1, slipped_samples=2)
    assert payload_events(given) == {"hit_symbols": 3, "erased_symbols": 1, "gain_steps": 1, "slipped_samples": 2}
    facts = payload_facts(quality())
    assert facts["payload_sinr_db"] == pytest.approx(10 * np.log10(50))
    assert facts["separated_sinr_db"] == pytest.approx(10 * np.log10(0.5 / 0.51), abs=1e-3)
    assert (facts["hit_symbols"], facts["erased_symbols"]) == (0, 0)
