"""What had no chance is held back; what the channel has spoilt is a result."""

import pytest

from hil.bus.messages import Grant, Sent, Start
from hil.decoding.frame_decoder import DecodedFrame
from hil.decoding.unsent import HeldBack, unsent_reason
from hil.results.rows import ResultRow
from hil.session.slot import Slot


def slot(lost=(), events=None, **sent_events):
    made = Slot(Grant(7, 4, 0, None, lost_users=list(lost)), Start(1000, 100))
    made.events.update(events or {})
    made.sent = {user: Sent(7, 4, user, events=sent_events if user == 1 else {}) for user in range(2)}
    return made


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (slot(lost=[1]), "lost"),
        (slot(late=1), "too late"),
        (slot(unled=1), "coordinated"),
        (slot(events={"overflow": 5}), "lost its samples"),
        (slot(underflow=1, clipped=3), None),
        (slot(), None),
    ],
)
def test_only_what_had_no_chance_is_sent_again(given, word):
    reason = unsent_reason(given, 1)
    assert reason is None if word is None else word in reason
    if word and not given.events:
        assert unsent_reason(given, 0) is None


def test_a_transmitter_that_said_nothing_did_not_send():
    given = slot()
    del given.sent[1]
    assert "did not say" in unsent_reason(given, 1)
    given.lost.add(1)
    assert "lost" in unsent_reason(given, 1)


def row(user, decoded=False):
    return ResultRow(frame=4, user=user, decoded=decoded, reason=None if decoded else "not detected")


def test_rows_are_held_back_until_they_are_made_or_released():
    held = HeldBack()
    frame = DecodedFrame(slot(late=1), {0: (row(0), {}), 1: (row(1), {})})
    assert held.take(frame) == [1] and list(frame.made) == [0]  # user 0 was sent, and is a result as it is
    good = DecodedFrame(slot(), {1: (row(1, decoded=True), {})})
    assert held.take(good) == [] and list(good.made) == [1] and list(held.release()) == []
    held.take(DecodedFrame(slot(late=1), {1: (row(1), {})}))
    assert [(one.user, one.reason) for one, _ in held.release()] == [(1, "it came too late to be sent")]
    assert list(held.release()) == []


def test_a_picture_that_came_without_a_word_of_what_it_was_is_sent_again_and_kept_at_the_end():
    """Its transmitter froze after the burst: there is nothing to compare it with."""
    held, untold = HeldBack(), slot()
    del untold.sent[1]
    frame = DecodedFrame(untold, {0: (row(0, decoded=True), {}), 1: (row(1, decoded=True), {"received": "picture"})})
    assert held.take(frame) == [1] and list(frame.made) == [0]
    [(kept, pictures)] = held.release()
    assert HeldBack(told=False).take(DecodedFrame(untold, {1: (row(1, decoded=True), {})})) == []
    assert kept.decoded and kept.reason is None and pictures == {"received": "picture"}


@pytest.mark.parametrize("event", ["late", "unled"])
def test_the_air_is_not_waited_for_to_tell_of_a_burst_that_was_not_sent(event):
    """Its transmitter froze until the slot was over; the air has nothing to say of it."""
    given = slot(**{event: 1})
    assert not given.ground_truth_here(2, with_air=True)
    given.links = {0: None}
    assert given.ground_truth_here(2, with_air=True)
    assert not slot(clipped=1).ground_truth_here(2, with_air=True)
