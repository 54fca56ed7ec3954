"""How the coordinator's choice follows the channel, and how it does not flutter."""

from itertools import pairwise

import numpy as np
import pytest

from hil.bus.messages import CsiReport, Grant, SharedBy, UserCsi
from hil.config import load_config
from hil.errors import UsageError
from hil.session.csi_path import CsiPath, quantised
from hil.session.responses import PLACES, response_bytes, responses, scaled
from hil.session.sharing import sharing_of, told
from hil.session.sharing_control import SharingControl
from models.choice.sharing_choice import SharingChooser
from models.sharing import Sharing
from tests.models.sharing.test_choice import CURVE

NOISE = 0.01
APART = np.eye(2, dtype=complex)[:, :, None] / np.sqrt(2) * np.ones((1, 1, 8))  # users at right angles, two antennas
ALIKE = np.ones((2, 2, 8), complex) / 2
RNG = np.random.default_rng(1)


def report(slot: int, gains: np.ndarray, jitter: float = 0.0) -> CsiReport:
    noisy = gains + jitter * RNG.standard_normal((*gains.shape, 2)) @ [1, 1j]
    users = [UserCsi(u, 0, 0, 1, 0, 17, response=response_bytes(g, NOISE)) for u, g in enumerate(noisy)]
    return CsiReport(slot, slot, slot, slot, 20.0, users)


def control(sharing: str = "auto", users: int = 2) -> SharingControl:
    config = load_config(None, {"sharing": sharing, "users": users})
    return SharingControl(config, SharingChooser(CURVE, 32, None, users))


def chosen(own: SharingControl, gains: list[np.ndarray], jitter: float = 0.0) -> list[str]:
    forms = []
    for slot, one in enumerate(gains):
        own.take(report(slot, one, jitter))
        found = own.choice()
        assert found is not None
        forms.append(found.form)
    return forms


@pytest.mark.parametrize("jitter", [0.0, 0.01])
@pytest.mark.parametrize("before", [1, 3, 20])
def test_a_channel_that_changes_is_followed_within_two_slots(before: int, jitter: float) -> None:
    forms = chosen(control(), [APART] * before + [ALIKE] * 6 + [APART] * 6, jitter)
    assert forms[before - 1] == "superposed"
    assert forms[before + 1 : before + 6] == ["parted"] * 5
    assert forms[before + 7 :] == ["superposed"] * 5


def test_reports_of_other_antennas_or_of_nobody_are_no_fault() -> None:
    """With more antennas there are more ways; a report whose channels are all nought says nothing of any."""
    own = control(users=3)
    one, two = np.ones((3, 1, 8), complex), np.ones((3, 2, 8), complex)
    own.take(report(0, 0 * one))
    assert own.choice() == SharedBy("parted", "no channel has been reported yet")
    for slot, gains in enumerate((one, two, one)):
        own.take(report(slot, gains))
        found = own.choice()
        assert found is not None and found.predicted_psnr_db is not None and np.isfinite(found.predicted_psnr_db)


def test_a_user_who_was_missed_does_not_let_the_others_have_its_symbols() -> None:
    """Alone on the air the other one would take all symbols, which is right only where the user is lost for good."""
    own, absent = control(), ALIKE * np.array([1, 0])[:, None, None]
    assert chosen(own, [absent]) == ["parted"]
    assert chosen(own, [ALIKE, absent, absent]) == ["parted"] * 3
    own.take(report(4, absent), {1})
    own.take(report(5, absent), {1})
    found = own.choice()
    assert found is not None and found.form == "superposed"


def test_where_every_slot_fades_anew_the_mean_decides() -> None:
    """At 6 dB two users on two antennas are better superposed in some slots and parted in others: hardly any change."""
    rng = np.random.default_rng(2)
    draws = [rng.standard_normal((2, 2, 1, 2)) @ [1, 1j] / 2 * 10**-0.2 for _ in range(60)]
    own = control()
    best = [own._chooser.best(one, NOISE).sharing.form for one in draws]  # type: ignore[union-attr]
    forms = chosen(own, draws)

    def changes(names: list[str]) -> int:
        return sum(a != b for a, b in pairwise(names[10:]))

    assert changes(forms) < changes(best) / 2


def test_a_way_is_kept_until_another_promises_more_by_the_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.session.sharing_control.MARGIN_DB", 50.0)
    own = control()
    assert chosen(own, [APART, ALIKE, ALIKE, ALIKE]) == ["superposed"] * 4
    found = own.choice()
    assert found is not None and "kept" in found.reason


def test_the_reason_says_what_was_seen() -> None:
    own = control()
    first = own.choice()
    assert first is not None and first.form == "parted" and "no channel" in first.reason
    own.take(report(0, APART))
    found = own.choice()
    assert found is not None and found.predicted_psnr_db == pytest.approx(
        CURVE.predicted_db(32, 10 * np.log10(50)), abs=0.05
    )
    for part in ("superposed promises", "against parted", "2 users on 2 antennas at 20.0 dB", "correlation 0.00"):
        assert part in found.reason


def test_a_way_that_is_set_is_kept_and_predicted() -> None:
    own = control("0.5")
    assert chosen(own, [APART, ALIKE, ALIKE]) == ["0.5"] * 3
    assert own.choice() == SharedBy(
        "0.5", "as configured", own.choice().predicted_psnr_db, own.choice().predicted_worst_db
    )  # type: ignore[union-attr]
    assert SharingControl(load_config(), None).choice() is None


def test_damaged_reports_change_nothing() -> None:
    own = control()
    own.take(report(0, APART))
    before = own.choice()
    for response in (b"", b"x", b"\xff" * 8 * PLACES, b"\0" * 8 * PLACES * 5):
        users = [UserCsi(0, 0, 0, 1, 0, 17, response=response)]
        broken = CsiReport(1, 1, 1, 1, 20.0, users)
        assert responses(broken, 2) is None
        own.take(broken)
        quantised(broken, 4)
        CsiPath(load_config(None, {"feedback.csi_prediction": True}).feedback, 1e6).take(broken, 5)
    assert own.choice() == before


def test_a_grant_that_names_no_way_falls_back() -> None:
    config = load_config(None, {"sharing": "0.5", "codec_channels": 16})
    for form in ("nonsense", "01/23", "7"):
        assert sharing_of(Grant(1, 1, 0, None, sharing=SharedBy(form, "")), config) == Sharing(0.5, 16)
    assert sharing_of(Grant(1, 1, 0, None, sharing=SharedBy("superposed", "")), config) == Sharing(1.0, 16)
    assert sharing_of(Grant(1, 1, 0, None), config) == Sharing(0.5, 16)


class AnyShare:
    sharing, all_channels = Sharing(), 32


def test_both_ends_are_told_the_sinr_of_the_way_that_was_chosen() -> None:
    """Users at right angles, 17 dB each: parted twice the power on half the symbols."""
    for form, expected in (("parted", 20.0), ("superposed", 17.0)):
        side = told(AnyShare(), report(0, APART), 2, Sharing.named(form))
        np.testing.assert_allclose(side.sinr_db, expected, atol=0.1)  # type: ignore[arg-type]
        np.testing.assert_allclose(side.sinr_spread_db, 0, atol=0.1)  # type: ignore[arg-type]
    assert told(AnyShare(), None, 2, Sharing()).sinr_db is None
    coarse = told(AnyShare(), quantised(report(0, APART), 6), 2, Sharing.named("superposed"))
    np.testing.assert_allclose(coarse.sinr_db, 17.0, atol=1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [True, "half", 1.5, "superposed:8", [1], "01/2"])
def test_a_way_that_users_cannot_share_by_is_one_sentence(value: object) -> None:
    with pytest.raises(UsageError, match="sharing"):
        load_config(None, {"sharing": value})


@pytest.mark.parametrize(("value", "overlap"), [(0, 0.0), (1, 1.0), (0.25, 0.25), ("superposed", 1.0), ("auto", 0.0)])
def test_ways_of_sharing_as_yaml_has_them(value: object, overlap: float) -> None:
    assert load_config(None, {"sharing": value}).codec_sharing == Sharing(overlap)


def test_the_worst_users_objective_is_followed_and_said() -> None:
    config = load_config(None, {"users": 2, "sharing_objective": "worst"})
    own = SharingControl(config, SharingChooser(CURVE, 32, None, 2, "worst"))
    gains = APART * np.array([4, 0.3])[:, None, None] + 0.1
    own.take(report(0, gains))
    found, fair = own.choice(), SharingChooser(CURVE, 32, None, 2, "worst").best(gains, NOISE)
    assert found is not None and found.form == fair.sharing.form
    assert found.predicted_worst_db == pytest.approx(fair.worst_db, abs=0.05)
    assert found.predicted_psnr_db == pytest.approx(fair.mean_db, abs=0.05) and "to the worst user" in found.reason


def foretold(own: SharingControl, offsets_db: list[float]) -> list[float]:
    """What is predicted of the next slot after each of these, whose channels differ by a factor."""
    found = []
    for slot, offset_db in enumerate(offsets_db):
        own.take(report(slot, APART * 10 ** (offset_db / 20)))
        choice = own.choice()
        assert choice is not None and choice.predicted_psnr_db is not None
        found.append(choice.predicted_psnr_db)
    return found


def worth_of(offset_db: float) -> float:
    return foretold(control("superposed"), [offset_db])[0]


def test_a_channel_that_jumps_once_is_believed_at_once() -> None:
    assert foretold(control("superposed"), [0.0] * 12 + [-3.0])[-1] == worth_of(-3.0)


def test_what_swung_long_ago_is_forgotten() -> None:
    """While it swings the mean tells more than the last report; two slots after it came to rest, the last one does."""
    told_of = foretold(control("superposed"), [1.0, -1.0] * 20 + [3.0, 3.0, 3.0])
    swinging = told_of[30:40]
    assert max(swinging) - min(swinging) < 0.1 * (worth_of(1.0) - worth_of(-1.0))
    assert told_of[-1] == worth_of(3.0)


def test_no_more_than_the_last_eight_reports_make_the_mean() -> None:
    """Eight of them hold as much of one as of the other; what was before is not among them."""
    own = control("superposed")
    told_of = foretold(own, [-9.0] * 10 + [1.0, -1.0] * 20)
    mean = (worth_of(1.0) + worth_of(-1.0)) / 2
    assert told_of[-1] == pytest.approx(mean, abs=0.01) and told_of[-2] == pytest.approx(mean, abs=0.01)


def test_the_worth_of_a_way_is_that_to_those_who_are_there() -> None:
    """One user left, on all symbols: 1/2 of power over noise of 1/100."""
    own = control()
    own.take(report(0, ALIKE * np.array([1, 0])[:, None, None]), {1})
    found = own.choice()
    assert found is not None and found.form == "superposed"
    assert found.predicted_psnr_db == pytest.approx(CURVE.predicted_db(32, 10 * np.log10(50)), abs=0.05)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("value", "factor"), [(1e30, 1e30), (1.0, 1e60), (3e38 + 3e38j, 1.0), (0.0, 1e60)])
def test_a_response_of_absurd_size_overflows_nothing_and_reaches_no_encoder(value, factor):
    response = scaled(np.full(PLACES, value, np.complex64).tobytes(), factor)
    absurd = CsiReport(1, 1, 1, 1, 20.0, [UserCsi(0, 0, 0, 1, 0, 17, response=response)])
    assert responses(absurd, 1) is None
