"""The coordinator's choice of generated pictures: by the measured SNR, without going to and fro."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.bus.messages import CsiReport, Grant, SharedBy
from hil.config import RunConfig, load_config
from hil.errors import UsageError
from hil.session.semantic_control import REMEMBERED, SemanticControl
from hil.session.sharing import is_generated, sharing_of
from hil.session.sharing_control import SharingControl
from models.sharing import Sharing


def configured(**values: object) -> RunConfig:
    return load_config(None, {f"semantic.{name}": value for name, value in values.items()})


def generated(config: RunConfig, snrs_db: list[float | None]) -> list[bool]:
    own = SemanticControl(config, SharingControl(config, None))
    found = []
    for slot, snr_db in enumerate(snrs_db):
        own.take(CsiReport(slot, slot, 0, 0, snr_db, []))
        found.append(own.choice() is not None)
    return found


def test_it_changes_below_the_threshold_and_back_above_the_band() -> None:
    config = configured(mode="auto", below_db=0.0, hysteresis_db=2.0)
    steps = [3.0, -1.0, 1.9, 2.1]  # above; below; in the band from below; above the band
    found = generated(config, [snr for snr in steps for _ in range(2 * REMEMBERED)])
    ends = found[2 * REMEMBERED - 1 :: 2 * REMEMBERED]
    assert ends == [False, True, True, False]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.1, 1.9), min_size=4, max_size=60), st.booleans())
def test_nothing_changes_within_the_band(snrs_db: list[float], began_low: bool) -> None:
    """Whatever the SNR does between threshold and the upper end of the band, pictures stay what they were."""
    start = [-5.0 if began_low else 9.0] * REMEMBERED
    found = generated(configured(mode="auto", below_db=0.0, hysteresis_db=2.0), start + snrs_db)
    assert set(found) == {began_low}


def test_what_is_configured_does_not_depend_on_the_channel() -> None:
    snrs_db = [-20.0, None, 40.0]
    assert generated(configured(mode="pictures"), snrs_db) == [False] * 3
    assert generated(configured(mode="semantic"), snrs_db) == [True] * 3


@pytest.mark.parametrize("nothing", [None, float("nan"), float("-inf")])
def test_reports_without_an_snr_say_nothing(nothing: float | None) -> None:
    assert generated(configured(mode="auto"), [nothing] * 3 + [-5.0, nothing]) == [False] * 3 + [True] * 2


def test_a_grant_tells_how_few_channels_the_coarse_code_has() -> None:
    config = configured(mode="semantic", channels=6)
    grant = Grant(0, 0, 0, None, sharing=SemanticControl(config, SharingControl(config, None)).choice())
    assert is_generated(grant) and sharing_of(grant, config) == Sharing(0.0, 6)
    plain = Grant(0, 0, 0, None, sharing=SharedBy("superposed", ""))
    assert not is_generated(plain) and sharing_of(plain, config) == Sharing(1.0, None)


@pytest.mark.parametrize(("users", "channels"), [(1, 4), (2, 4), (8, 16)])
def test_every_user_has_two_channels_of_the_coarse_code(users: int, channels: int) -> None:
    assert load_config(None, {"users": users}).semantic.payload_channels(users) == channels


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"semantic.mode": "sometimes"}, "semantic.mode"),
        ({"semantic.mode": "semantic", "modalities": ["sound"]}, "modality sound"),
        ({"semantic.mode": "auto", "cancel": True}, "cancel"),
        ({"semantic.mode": "auto", "users": 4, "semantic.channels": 3}, "4 users need one each"),
        ({"semantic.hysteresis_db": -1}, "semantic.hysteresis_db"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(values: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        load_config(None, values)
    assert "\n" not in str(caught.value)
