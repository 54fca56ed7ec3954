"""What rows say of protected bits: delivered, lost, or never sent."""

import dataclasses
from types import SimpleNamespace

import msgspec
import pytest

from hil.language.note import Note, pack
from hil.results.summary import summarise
from tests.hil.decoding.test_whose_is_whose import USERS, decoded, slot

NOTES = [Note(f"picture of user {user}", f"{user}.png", {"place": "lab"}) for user in range(USERS)]


def with_bits(arrived, sent=True):
    """The frame of three users with a note each. arrived: what the receiver reads of each, None: nothing."""
    given = slot()
    users = []
    for one, data in zip(given.received.users, arrived, strict=True):
        header = dataclasses.replace(one.header, bits_symbols=20)
        users.append(dataclasses.replace(one, header=header, protected=data))
    given.received = dataclasses.replace(given.received, users=tuple(users))
    given.sent = {
        user: msgspec.structs.replace(told, bits_symbols=20, protected=pack(NOTES[user]))
        for user, told in given.sent.items()
        if sent
    }
    return given


def test_a_row_holds_what_was_sent_and_what_arrived(tmp_path):
    arrived = [pack(NOTES[0]), None, pack(NOTES[0])]  # whole, lost, and somebody else's
    _, rows, count = decoded(tmp_path, with_bits(arrived))
    assert count == 3  # pictures are none the worse
    assert [row.bits_delivered for row in rows] == [True, False, False]
    assert [row.caption for row in rows] == [note.caption for note in NOTES]
    assert [row.caption_received for row in rows] == ["picture of user 0", None, "picture of user 0"]
    assert rows[0].note == {"identity": "0.png", "place": "lab"} and rows[1].note == {}
    assert [row.events.get("bits_lost", 0) for row in rows] == [0, 1, 1]
    assert {(row.bits_symbols, row.bits_bytes) for row in rows} == {(20, len(pack(NOTES[0])))}
    facts = {"snr_db": 10.0, "channel": "awgn", "seed": 1, "version": "1", "wall_s": 1.0, "refine": False, "codec": ""}
    summary = summarise(rows, users=USERS, frames=5, **facts)
    assert summary["bits"]["frame_error_rate"] == pytest.approx(2 / 3) and summary["bits"]["symbols"] == 20
    assert [user["bits"]["frames_lost"] for user in summary["per_user"]] == [0, 1, 1]


def test_where_the_transmitters_word_is_lost_the_checksum_decides(tmp_path):
    _, rows, _ = decoded(tmp_path, with_bits([pack(NOTES[0]), None, b"\xc1"], sent=False))
    assert [row.bits_delivered for row in rows] == [True, False, True]
    assert [row.caption for row in rows] == [None] * 3 and rows[2].caption_received is None  # bytes, but no note


def test_a_burst_that_was_not_found_has_lost_its_bits(tmp_path):
    given = with_bits([None] * USERS)
    given.received = None
    _, rows, _ = decoded(tmp_path, given)
    assert [row.bits_delivered for row in rows] == [False] * 3 and rows[0].caption == NOTES[0].caption


def test_a_run_without_bits_says_nothing_of_them(tmp_path):
    _, rows, _ = decoded(tmp_path, slot())
    assert {(row.bits_delivered, row.bits_bytes, row.caption) for row in rows} == {(None, None, None)}


def test_a_refiner_that_takes_texts_is_told_what_arrived(tmp_path):
    told = []

    def refine(picture, snr_db, passes, text):
        told.append(text or "")
        return picture

    takes = SimpleNamespace(refine=refine, takes_text=True, level_db=lambda side, user: 10.0 + user)
    _, rows, _ = decoded(tmp_path / "told", with_bits([pack(NOTES[0]), None, b"\xc1"]), takes)
    assert told == ["picture of user 0", "", ""]  # whole, lost, and bytes that are no note
    assert [row.refined_with_text for row in rows] == [True, False, False]
    told.clear()
    takes.takes_text = False
    _, rows, _ = decoded(tmp_path / "deaf", with_bits([pack(note) for note in NOTES]), takes)
    assert told == ["", "", ""] and [row.refined_with_text for row in rows] == [None] * 3
