"""A frame of three users in which everything tells whose it is: features, networks, sizes, pictures, measurements."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from hil.bus.messages import CsiReport, Grant, Link, Sent, Start, UserCsi
from hil.config import load_config
from hil.decoding.frame_decoder import FrameDecoder
from hil.decoding.ideal import ideal_features
from hil.results.metrics import psnr_db
from hil.results.rows import ResultRow, read_rows
from hil.results.writer import ResultWriter
from hil.session.feedback import side_information
from hil.session.slot import Slot
from radio.waveform.burst.header import FrameHeader
from radio.waveform.reception.frame import ReceivedFrame, ReceivedUser

USERS, FRAME, SLOT, TICK, GUARD = 3, 4, 7, 90_000, 100
SIZES = ((8, 16), (16, 24), (8, 8))  # height, width
USES = tuple(height * width // 8 for height, width in SIZES)
AMPLITUDE = 0.25


def brightness(user):
    return 20 + 60 * user


def report(slot, gains, snr_db):
    users = [UserCsi(user, 0.0, 0.0, gain, 0.1 * user, 7.0) for user, gain in enumerate(gains)]
    return CsiReport(slot, None, slot * 1000, slot * 1000, snr_db, users)


def received_user(user):
    height, width = SIZES[user]
    facts = {
        "header": FrameHeader(FRAME, user, "image", height, width, USES[user], 10 + user),
        "header_read": True, "power": AMPLITUDE**2 * 10**user, "snr_db": 3.0 + user, "cfo_hz": 11.0 * (1 + user),
        "delay_samples": 0.5 * user, "clock_ppm": 1.0 + user, "evm_db": -20.0 - user,
        "features": np.full(USES[user], brightness(user) / 255, np.complex64),
    }  # fmt: skip
    return ReceivedUser(user, True, **facts)


def sent(user):
    height, width = SIZES[user]
    return Sent(
        SLOT, FRAME, user, picture=10 + user, image_id=f"{user}.png", height=height, width=width,
        n_symbols=USES[user], csi_slot=SLOT - 1, csi_age_s=0.25, precorrection_hz=100.0 * user, papr_db=7.0 + user,
        events={"late": 1 + user}, advance_ticks=user, gain_db=-1.0 * user,
    )  # fmt: skip


def slot(lost=()):
    users = tuple(received_user(user) for user in range(USERS))
    grant = Grant(SLOT, FRAME, TICK, report(SLOT - 1, (1.0, 1.0, 1.0), 3.0), list(lost))
    made = Slot(grant, Start(5000, GUARD), ReceivedFrame(TICK + GUARD + 2, users, 0.1, 10.0))
    made.csi = report(SLOT, (0.5, 1.0, 1.3), 12.0)
    made.events = {"overflow": 5}
    made.originals = {u: np.full((*SIZES[u], 3), brightness(u), np.uint8) for u in range(USERS)}
    made.sent = {user: sent(user) for user in range(USERS)}
    made.links = {
        u: Link(u, TICK + GUARD + 3, 1000.0 + 100 * u, 0.0, 0.25, [0.0], [[(1.0 + u, 0.0)]], 0.1) for u in range(USERS)
    }
    return made


class Network:
    """User u's network shows the features' brightness, and keeps what it was given."""

    def __init__(self):
        self.calls = []

    def channel_uses(self, height, width, _sharing=None):
        return height * width // 8

    sharing = None

    def decode_float(self, features, user, side, height, width, _sharing=None):
        self.calls.append((user, features, side, (height, width)))
        return np.full((3, height, width), features[0].real, np.float32)


def decoded(tmp_path, given, refiner=None, before=(), **config):
    network, writer = Network(), ResultWriter(tmp_path, resume=True)
    for key in before:
        writer.append(ResultRow(frame=key[0], user=key[1], decoded=True, reason=None))
    chosen = load_config(None, {"users": USERS, "rx.ideal": False, "snr_db": 12.5, "seed": 3, **config})
    count = FrameDecoder(chosen, network, refiner, writer).decode(given)
    writer.close()
    return network.calls, read_rows(tmp_path)[len(before) :], count


def test_every_user_is_decoded_by_its_own_network_from_its_own_features(tmp_path):
    given = slot()
    calls, rows, count = decoded(tmp_path, given)
    assert [call[0] for call in calls] == [row.user for row in rows] == [0, 1, 2] and count == 3
    for user, features, side, size in calls:
        assert features is given.received.users[user].features and size == SIZES[user]
        # The receiver decodes with what it measured in this slot, not with what the transmitter knew.
        assert side.snr_db == pytest.approx(12.0)
        np.testing.assert_allclose(side.gains, [0.5, 1.0, 1.3], rtol=1e-6)
    assert [row.psnr_db for row in rows] == [100.0] * 3 and all(row.ssim == pytest.approx(1.0) for row in rows)


def test_a_row_holds_its_own_users_measurements(tmp_path):
    _, rows, _ = decoded(tmp_path, slot())
    for user, row in enumerate(rows):
        assert (row.frame, row.image_id, row.picture, (row.height, row.width)) == (
            FRAME, f"{user}.png", 10 + user, SIZES[user]
        )  # fmt: skip
        assert (row.channel_uses, row.csi_used_slot, row.csi_age_s) == (USES[user], SLOT - 1, 0.25)
        assert (row.snr_db_estimated, row.user_snr_db) == (12.0, 3.0 + user)
        # Powers 1, 4 and 9 of what a third of the amplitude's square brings, whatever snr_db was asked for.
        power = AMPLITUDE**2 / USERS / 0.1
        assert row.snr_db_true == pytest.approx(10 * np.log10(14 * power))
        assert row.user_snr_db_true == pytest.approx(10 * np.log10((1 + user) ** 2 * power))
        assert row.cfo_hz == 11.0 * (1 + user)
        # What is left of the carrier's offset once the transmitter has turned it back.
        assert (row.cfo_true_hz, row.precorrection_hz) == (1000.0, 100.0 * user)
        assert row.delay_samples == 2 + 0.5 * user and row.delay_true_samples == 3.25
        assert row.channel_gain_db == pytest.approx(10.0 * user)
        assert (row.clock_ppm, row.evm_db, row.papr_db) == (1.0 + user, -20.0 - user, 7.0 + user)
        assert (row.advance_ticks, row.gain_db, row.seeds["run"]) == (user, -1.0 * user, 3)
        assert row.events.get("overflow") == (5 if user == 0 else None) and row.events["late"] == 1 + user


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"header": None, "reason": None}, "checksum"),
        ({"header": FrameHeader(FRAME, 0, "image", 16, 24, 48, 0)}, "user 0"),
        ({"header": FrameHeader(FRAME + 1, 1, "image", 16, 24, 48, 0)}, f"frame {FRAME + 1}"),
        ({"header": FrameHeader(FRAME, 1, "probe", 16, 24, 48, 0)}, "probe"),
        ({"header": FrameHeader(FRAME, 1, "image", 0, 24, 48, 0)}, "24x0"),
        ({"header": FrameHeader(FRAME, 1, "image", 16, 24, 47, 0)}, "48 are needed"),
        ({"features": np.ones(47, np.complex64)}, "47 symbols received"),
        ({"features": np.full(48, np.nan, np.complex64)}, "not finite"),
        ({"detected": False, "features": np.zeros(0, np.complex64), "reason": "no preamble"}, "no preamble"),
    ],
)
def test_what_the_header_does_not_bear_out_is_not_decoded(tmp_path, changes, reason):
    calls, rows, count = decoded(tmp_path, altered(changes))
    assert [call[0] for call in calls] == [0, 2] and count == 2
    assert not rows[1].decoded and reason in rows[1].reason and rows[1].psnr_db is None
    assert rows[0].decoded and rows[2].decoded


def altered(changes):
    given = slot()
    users = list(given.received.users)
    users[1] = dataclasses.replace(users[1], **changes)
    given.received = dataclasses.replace(given.received, users=tuple(users))
    return given


def test_a_lost_transmitter_is_not_decoded_and_a_recorded_user_left_alone(tmp_path):
    calls, rows, _ = decoded(tmp_path / "lost", slot(lost=[2]))
    assert [call[0] for call in calls] == [0, 1] and "lost" in rows[2].reason
    calls, rows, count = decoded(tmp_path / "half", slot(), before=[(FRAME, 1)])
    assert [call[0] for call in calls] == [row.user for row in rows] == [0, 2] and count == 2


def test_refinement_is_of_the_decoded_picture_at_the_slots_snr_and_what_is_scored(tmp_path):
    seen = []

    def refine(picture, snr_db, passes, text):
        seen.append((float(picture[0, 0, 0]), snr_db, passes))
        assert not text
        return picture + np.float32(10 / 255)

    level_db = {"takes_text": False, "level_db": lambda side, user: side.snr_db}
    _, rows, _ = decoded(tmp_path, slot(), SimpleNamespace(refine=refine, **level_db))
    assert [round(255 * value) for value, _, _ in seen] == [brightness(user) for user in range(USERS)]
    assert all(snr_db == pytest.approx(12.0) and passes is None for _, snr_db, passes in seen)
    for row in rows:
        assert row.psnr_unrefined_db == 100.0 and row.refined_with_text is None
        assert row.psnr_db == pytest.approx(20 * np.log10(255 / 10)) and row.refined


def ideal_slot(gains, noise_power, k=20_000):
    rng, given = np.random.default_rng(1), slot()
    parts = rng.standard_normal((len(gains), k, 2)) / np.sqrt(2)
    given.symbols = {user: (part @ [1, 1j]).astype(np.complex64) for user, part in enumerate(parts)}
    given.links = {
        user: Link(user, TICK, 0.0, 0.0, 0.0, [0.0], [[(gain.real, gain.imag)]], noise_power)
        for user, gain in enumerate(gains)
    }
    return given


@pytest.mark.parametrize("snr_db", [0.0, 10.0])
def test_the_ideal_receiver_meets_the_lmmse_bound_of_the_papers_snr(snr_db):
    """Total received power over noise. With gains of power p_j the error is 1 - p_i / (sum p + noise)."""
    config = load_config(None, {"users": 2, "snr_db": snr_db})
    gains = np.array([1.2j, -0.5])
    given = ideal_slot(gains, config.air.noise_power)
    ideal = ideal_features(config, given)
    powers, noise = np.abs(gains) ** 2 / 2, 10 ** (-snr_db / 10)
    for user in range(2):
        error = np.mean(np.abs(ideal.features[user] - given.symbols[user]) ** 2)
        assert error == pytest.approx(1 - powers[user] / (powers.sum() + noise), rel=0.03)
    side = side_information(ideal.csi, 2)
    assert side.snr_db == pytest.approx(10 * np.log10(powers.sum() / noise), abs=1e-6)
    np.testing.assert_allclose(side.gains, np.abs(gains) / np.sqrt(np.mean(np.abs(gains) ** 2)), rtol=1e-5)
    np.testing.assert_allclose(side.phases_rad, [np.pi / 2, np.pi], rtol=1e-5)


def test_the_ideal_receivers_noise_is_new_in_every_frame_and_follows_the_seed():
    def features(frame, seed):
        given = ideal_slot([1.0 + 0j], 0.1)
        given.grant = Grant(SLOT, frame, TICK, None)
        return ideal_features(load_config(None, {"users": 1, "seed": seed}), given).features[0]

    assert np.array_equal(features(0, 1), features(0, 1))
    assert not np.array_equal(features(0, 1), features(1, 1)) and not np.array_equal(features(0, 1), features(0, 2))


def test_the_ideal_picture_of_a_user_is_its_own(tmp_path):
    given = slot()
    given.symbols = {user: np.full(USES[user], 1.0, np.complex64) for user in range(USERS)}
    given.links = {u: Link(u, TICK, 0.0, 0.0, 0.0, [0.0], [[(1.0, 0.0)]], 1e-9) for u in range(USERS)}
    calls, rows, _ = decoded(tmp_path, given, **{"rx.ideal": True})
    ideals = calls[USERS:]
    assert [(call[0], call[1].size, call[3]) for call in ideals] == [(u, USES[u], SIZES[u]) for u in range(USERS)]
    for row, (user, features, _, size) in zip(rows, ideals, strict=True):
        made = np.full((*size, 3), round(255 * min(1, max(0, features[0].real))), np.uint8)
        assert row.ideal_psnr_db == pytest.approx(psnr_db(given.originals[user], made))


def test_the_ideal_receiver_cancels_as_the_real_one_does(tmp_path):
    """The strongest first; who comes after meets nobody, and is told so."""
    config = load_config(None, {"users": 2, "snr_db": 10.0, "cancel": True})
    gains = np.array([0.5j, -1.2])
    given = ideal_slot(gains, config.air.noise_power)
    given.originals = {user: np.full((8, 16, 3), 90, np.uint8) for user in range(2)}
    network, asked = Network(), []

    def symbols(_slot, user, picture, _features):
        asked.append((user, picture.shape))
        return given.symbols[user]  # a picture that was decoded without a fault

    writer = ResultWriter(tmp_path, resume=False)
    FrameDecoder(config, network, None, writer, SimpleNamespace(symbols=symbols))._ideals([given], [{}])
    writer.close()
    assert asked == [(1, (8, 16, 3))] and [call[0] for call in network.calls] == [1, 0]
    powers, noise = np.abs(gains) ** 2 / 2, 0.1
    alone = powers[0] / (powers[0] + noise)
    for (user, features, side, _), expected in zip(
        network.calls, (powers[1] / (sum(powers) + noise), alone), strict=True
    ):
        assert np.mean(np.abs(features - given.symbols[user]) ** 2) == pytest.approx(1 - expected, rel=0.03)
        total = powers.sum() if user == 1 else 2 * powers[0]  # the codec's SNR is that of as many users as it has
        assert side.snr_db == pytest.approx(10 * np.log10(total / noise), abs=1e-6)


def test_a_lost_picture_counts_as_grey_among_all_that_were_sent(tmp_path):
    given = slot(lost=[1])
    given.originals[1] = np.full((*SIZES[1], 3), 168, np.uint8)
    _, rows, _ = decoded(tmp_path, given)
    assert [row.decoded for row in rows] == [True, False, True]
    assert rows[1].psnr_db is None and rows[1].delivered_psnr_db == pytest.approx(20 * np.log10(255 / 40))
    assert rows[0].delivered_psnr_db == rows[0].psnr_db == 100.0
