"""The state model: what is new reaches every viewer once, histories stay bounded, what is not true stays out."""

import io

import msgspec
import numpy as np
import pytest
from PIL import Image

from hil.bus.messages import (
    CsiReport,
    Event,
    NodeHealth,
    Overview,
    PictureFacts,
    Sent,
    Telemetry,
    UserCsi,
    UserTelemetry,
)
from hil.config import load_config
from hil.live.history import History
from hil.live.state import KEPT_EVENTS, KEPT_POINTS, Cursor, LiveState
from hil.live.untrusted import numbers, picture_kind
from hil.nodes.telemetry import half_floats, spectrum_db, thumbnail


def facts(frame, user=0, psnr_db=20.0, decoded=True, reason=None):
    return PictureFacts(frame, user, decoded, reason, "picture", psnr_db, 0.9, 21.0, 3.0, {})


def overview(state="running", done=0, events=(), csi=None, sent=()):
    nodes = [NodeHealth("rx", "rx", None, "here", 0.1), NodeHealth("tx0", "tx", 0, "lost", None)]
    return Overview(state, "", 3, 0, done, nodes, list(sent), csi, list(events), 0)


@pytest.fixture
def state():
    state = LiveState()
    state.begin("run", load_config(None, {"users": 2, "frames": 10}), frames_to_send=8)
    return state


def test_a_viewer_gets_everything_once(state):
    state.recorded(facts(0))
    first, _, cursor = state.since(Cursor())
    assert first["fresh"] and first["points"] == [(0, 0, 20.0)]
    state.recorded(facts(1))
    second, _, cursor = state.since(cursor)
    assert not second["fresh"] and second["points"] == [(1, 0, 20.0)]
    assert state.since(cursor)[0]["points"] == []
    assert state.since(Cursor())[0]["points"] == [(0, 0, 20.0), (1, 0, 20.0)]  # a late viewer is told all


def test_pictures_of_users_that_do_not_exist_are_not_kept(state):
    jpeg = thumbnail(np.zeros((4, 4, 3), np.uint8))
    for user in (-1, 2, 7, 255):
        state.pictures(user, 0, jpeg, jpeg)
    assert state.since(Cursor())[0]["pictures"] == []
    state.pictures(1, 0, jpeg, jpeg)
    assert {entry["user"] for entry in state.since(Cursor())[0]["pictures"]} == {1}


def test_a_picture_that_comes_twice_counts_once(state):
    for _ in range(3):
        state.recorded(facts(4, user=1, psnr_db=None, decoded=False, reason="not detected"))
    update = state.since(Cursor())[0]
    assert update["points"] == [(4, 1, None)]
    assert (update["run"]["recorded"], update["run"]["decoded"]) == (1, 0)
    assert [text for _when, text in update["events"]] == ["frame 4, user 1 is not decoded: not detected"]


def test_progress_counts_what_an_earlier_coordinator_did(state):
    state.overview(overview(done=3))
    assert state.since(Cursor())[0]["run"]["frames_done"] == 5  # 10 frames, 8 to send: 2 were there


def test_events_that_are_told_again_are_shown_once(state):
    events = [Event(number, 100.0 + number, f"event {number}") for number in (1, 2)]
    state.overview(overview(events=events))
    state.overview(overview(events=[*events, Event(3, 103.0, "event 3")]))
    assert [text for _, text in state.since(Cursor())[0]["events"]] == ["event 1", "event 2", "event 3"]


def test_loops_show_what_receiver_and_transmitter_said(state):
    csi = CsiReport(3, 0, 0, 0, 12.345, [UserCsi(1, cfo_hz=3.21, delay_samples=1, gain=2.0, phase_rad=0, snr_db=9.87)])
    said = {"frequency": "locked", "timing": "\x1b[2Jlost", "other": "x"}
    sent = Sent(3, 0, 1, precorrection_hz=-250.04, csi_age_s=0.0021, papr_db=9.96, advance_ticks=-3, loops=said)
    state.overview(overview(csi=csi, sent=[sent]))
    users = state.since(Cursor())[0]["users"]
    assert users[0]["loops"] == {}
    assert users[1]["loops"]["gain_db"] == pytest.approx(6.02, abs=0.1)
    assert (users[1]["loops"]["cfo_hz"], users[1]["loops"]["precorrection_hz"]) == (3.2, -250.0)
    assert users[1]["loops"]["csi_age_ms"] == 2.1 and users[1]["loops"]["advance_ticks"] == -3
    assert users[1]["loops"]["states"] == {"frequency": "locked", "timing": "\ufffd[2Jlost"}


def test_only_new_pictures_travel_and_older_ones_do_not_replace_newer(state):
    picture = thumbnail(np.full((20, 30, 3), 90, np.uint8))
    state.pictures(0, 5, picture, picture)
    update, blobs, cursor = state.since(Cursor())
    assert [(p["user"], p["kind"], p["frame"]) for p in update["pictures"]] == [(0, "original", 5), (0, "received", 5)]
    assert blobs == [picture, picture] and update["pictures"][0]["type"] == "image/jpeg"
    state.pictures(0, 4, picture, picture)
    assert state.since(cursor)[1] == []
    state.pictures(0, 6, picture, b"")
    update, blobs, _ = state.since(cursor)
    assert [p["type"] for p in update["pictures"]] == ["image/jpeg", None] and blobs == [picture, b""]


@pytest.mark.parametrize("file", [b"<svg onload=alert(1)>", b"GIF89a", b"", b"\x89PNG" + bytes(1 << 20)])
def test_what_is_no_picture_of_reasonable_size_is_not_passed_on(state, file):
    assert picture_kind(file) is None
    state.pictures(0, 1, file, file)
    assert state.since(Cursor())[1] == [b"", b""]


def test_users_that_do_not_exist_change_nothing(state):
    state.recorded(facts(0, user=2))
    state.recorded(facts(0, user=-1))
    strange = UserTelemetry(7, True, None, b"", b"")
    state.telemetry(Telemetry(0, 0, None, b"", [strange], [facts(1, user=7)]), [])
    state.overview(overview(sent=[Sent(0, 0, 7)]))
    update = state.since(Cursor())[0]
    assert update["points"] == [] and len(update["users"]) == 2


def test_telemetry_of_any_bytes_gives_finite_bounded_numbers(state):
    rubbish = np.random.default_rng(1).bytes(20001)
    user = UserTelemetry(0, True, None, rubbish, rubbish, None, 1, attachment=9, original_bytes=-5)
    state.telemetry(Telemetry(1, 1, float("nan"), rubbish, [user], []), [rubbish])
    update, blobs, _ = state.since(Cursor())
    assert blobs == []
    for values in (update["users"][0]["constellation"], update["users"][0]["response_db"], update["spectra"][0]):
        assert len(values) == 4096 and np.all(np.isfinite(values))


def test_histories_are_bounded():
    state = LiveState()
    state.begin("long", load_config(None, {"users": 1, "frames": 10**6}))
    for frame in range(KEPT_POINTS + 500):
        state.recorded(facts(frame))
        state.event(f"event {frame}")
    update = state.since(Cursor())[0]
    assert len(update["points"]) == KEPT_POINTS and update["points"][-1][0] == KEPT_POINTS + 499
    assert len(update["events"]) == KEPT_EVENTS
    assert len(state._known) == KEPT_POINTS
    assert update["run"]["recorded"] == KEPT_POINTS + 500


def test_a_viewer_that_lags_gets_what_is_still_kept():
    history = History(3)
    dropped = [history.append(number) for number in range(6)]
    assert dropped == [[], [], [], [0], [1], [2]]
    assert history.since(0) == [3, 4, 5] and history.since(5) == [5] and history.since(6) == [] == history.since(9)


def test_another_run_starts_from_nothing_and_the_same_run_goes_on(state):
    state.recorded(facts(0))
    cursor = state.since(Cursor())[2]
    state.begin("run", load_config(None, {"users": 2, "frames": 10}), 7)
    assert not state.since(cursor)[0]["fresh"]
    state.begin("another", load_config(None, {"users": 1, "frames": 5}))
    update = state.since(cursor)[0]
    assert update["fresh"] and update["points"] == [] and len(update["users"]) == 1


def test_thumbnails_keep_the_picture_and_its_shape():
    y, x = np.mgrid[0:300, 0:600]
    pixels = np.stack([y * 0.8, x * 0.4, 255 - y * 0.8], 2).astype(np.uint8)
    small = np.asarray(Image.open(io.BytesIO(thumbnail(pixels))), float)
    assert small.shape == (128, 256, 3)
    wanted = np.asarray(Image.fromarray(pixels).resize((256, 128), Image.Resampling.BOX), float)
    assert np.abs(small - wanted).mean() < 2
    assert thumbnail(None) == b""


def test_the_spectrum_puts_a_tone_where_it_is_at_its_level():
    """A tone of amplitude 0.1 at an eighth of the sample rate: -20 dB of full scale, in bin 128 + 32."""
    samples = (0.1 * np.exp(2j * np.pi * np.arange(8192) / 8)).astype(np.complex64)
    levels = spectrum_db(samples)
    assert levels.argmax() == 128 + 32
    assert levels.max() == pytest.approx(-20, abs=0.1)
    assert numbers(half_floats(levels), 1)[160] == pytest.approx(-20, abs=0.1)


def test_half_floats_are_finite_whatever_goes_in():
    assert numbers(half_floats(np.array([np.nan, np.inf, -np.inf, 1.5])), 1) == [0.0, 30000.0, -30000.0, 1.5]


def test_nodes_that_were_here_have_left_when_the_run_is_over(state):
    state.overview(overview("running"))
    assert [node["state"] for node in state.since(Cursor())[0]["nodes"]] == ["here", "lost"]
    state.overview(overview("finished"))
    assert [node["state"] for node in state.since(Cursor())[0]["nodes"]] == ["left", "lost"]


def test_captions_are_one_harmless_line_beside_their_picture():
    live = LiveState()
    live.begin("run", load_config(None, {"users": 3}))
    nasty = "a\u202ecat\x1b[2J " + "x" * 1000
    given = ((0, nasty, nasty, True), (1, "a dog", None, False), (2, None, None, None))
    for user, said, heard, delivered in given:
        live.recorded(
            msgspec.structs.replace(facts(0, user), caption=said, caption_received=heard, bits_delivered=delivered)
        )
    shown = [user["caption"] for user in live.since(Cursor())[0]["users"]]
    assert shown[0]["received"] == shown[0]["sent"] and shown[0]["sent"].startswith("a cat [2J xxx")
    assert len(shown[0]["sent"]) <= 300
    assert shown[1:] == [{"sent": "a dog", "received": "", "delivered": False}, None]
